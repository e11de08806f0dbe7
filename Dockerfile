# Build: the locked dependencies, wheels only, into a virtual environment of their own.
FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.lock /tmp/requirements.lock
RUN /opt/venv/bin/pip install --require-hashes --only-binary :all: -r /tmp/requirements.lock \
    && /opt/venv/bin/pip uninstall --yes pip
WORKDIR /srv
COPY app/ app/
COPY alembic/ alembic/
COPY alembic.ini ./
RUN /opt/venv/bin/python -m compileall -q app alembic

# Run: no compiler, no pip in the environment, no simulators, demo or tests; nothing needs to be written but /tmp.
FROM python:3.13-slim-bookworm
RUN groupadd --gid 10001 tieout && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin tieout
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv /srv
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/srv PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=3)"]
CMD ["python", "-m", "app.cli", "serve", "--host", "0.0.0.0"]
