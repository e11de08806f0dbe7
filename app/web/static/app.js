// Everything works without this file, but for progress that moves by itself.
(() => {
  "use strict";
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `tieout-zone=${zone}; path=/; max-age=31536000; samesite=lax`;

  // A form is sent once: the button says so while the answer is on its way. A download leaves the page as it is.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button && !event.target.matches("[data-download]")) setTimeout(() => { button.setAttribute("aria-disabled", "true"); button.disabled = true; });
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("button[aria-disabled]").forEach((button) => {
      button.removeAttribute("aria-disabled");
      button.disabled = false;
    });
  });

  document.querySelectorAll("[data-all]").forEach((box) => {
    box.hidden = false;
    const input = box.querySelector("input");
    input.addEventListener("change", () => {
      box.closest("form").querySelectorAll(`input[name="${box.dataset.all}"]`).forEach((one) => { one.checked = input.checked; });
    });
  });

  // A preview follows the form it stands beside.
  document.querySelectorAll("form[data-preview]").forEach((form) => {
    const place = document.getElementById(form.dataset.preview);
    form.addEventListener("change", async () => {
      const query = new URLSearchParams(new FormData(form));
      query.delete("csrf");
      const answer = await fetch(`${form.dataset.previewFrom}?${query}`, { headers: { Accept: "text/html" } });
      if (answer.ok) place.innerHTML = new DOMParser().parseFromString(await answer.text(), "text/html").body.innerHTML;
    });
  });

  const live = document.querySelector("[data-live]");
  if (live && window.EventSource) {
    const source = new EventSource(live.dataset.live);
    const newest = Math.max(0, ...[...document.querySelectorAll("[data-run]")].map((row) => Number(row.dataset.run)));
    const whole = [...new URLSearchParams(location.search).keys()].every((name) => name === "notice");
    source.addEventListener("runs", (event) => {
      for (const run of JSON.parse(event.data)) {
        const row = document.querySelector(`[data-run="${run.id}"]`);
        if (!row && whole && run.id > newest) { location.reload(); return; }
        if (!row) continue; // another page of the list, or a filter, has it
        const bar = row.querySelector("progress");
        if (bar) { bar.max = Math.max(run.total, 1); bar.value = run.done; }
        row.querySelector("[data-said]").textContent = run.said;
        const badge = row.querySelector(".badge");
        badge.textContent = run.word;
        badge.className = `badge ${run.state}`;
      }
    });
    source.addEventListener("over", () => { source.close(); location.reload(); });
    window.addEventListener("pagehide", () => source.close());
  }
})();
