"""/TrackingCategories, /ContactGroups and /Users."""

from dataclasses import replace

from starlette.responses import Response

from simulators.core.http import Json
from simulators.xero import render_contact, render_settings
from simulators.xero.books import Books, new_id
from simulators.xero.call import Call, MissingError
from simulators.xero.element import Element, MalformedError, NotSimulatedError, RefusedError
from simulators.xero.fields import GROUP_FIELDS, TRACKING_FIELDS
from simulators.xero.model_lists import ContactGroup, TrackingCategory
from simulators.xero.queries import run
from simulators.xero.seeds import USERS, User
from simulators.xero.tracking import delete_category, delete_option, save_category, save_option
from simulators.xero.where import Value


def tracking_categories(call: Call) -> Response:
    """List, by id, PUT and POST of one category, DELETE; Options below a category."""
    books = call.books
    archived = call.query.flag("includearchived")
    if call.method == "GET" and not call.rest:
        shown = [c for c in books.tracking.rows.values() if archived or c.status == "ACTIVE"]
        listing = run(call.query, shown, TRACKING_FIELDS, pageable=False)
        return _categories(call, [render_settings.tracking_category(c, archived=archived) for c in listing.records])
    old = call.one_of(books.tracking) if call.rest else None
    if old is not None and len(call.rest) > 1:
        return _options(call, old)
    if old is not None and call.method == "GET":
        return _categories(call, [render_settings.tracking_category(old, archived=True)])
    if old is not None and call.method == "DELETE":
        return _categories(call, [render_settings.tracking_category(delete_category(books, old), archived=True)])
    if call.method not in ("PUT", "POST") or call.put == bool(call.rest):
        raise NotSimulatedError(f"{call.method} TrackingCategories")

    def save(element: Element) -> Json:
        return render_settings.tracking_category(save_category(books, element, old), archived=True)

    return call.saved("TrackingCategories", "TrackingCategoryID", save)


def contact_groups(call: Call) -> Response:
    """List, by id, PUT, POST; Contacts below a group."""
    books = call.books
    if call.method == "GET" and not call.rest:
        live = [g for g in books.groups.rows.values() if g.status == "ACTIVE"]
        listing = run(call.query, live, GROUP_FIELDS, pageable=False)
        return call.reply("ContactGroups", [render_contact.contact_group_stub(g) for g in listing.records])
    old = call.one_of(books.groups) if call.rest else None
    if old is not None and len(call.rest) > 1:
        return _members(call, old)
    if old is not None and call.method == "GET":
        return call.reply("ContactGroups", [render_contact.contact_group(books, old, full=True)])
    if call.method not in ("PUT", "POST") or call.put == bool(call.rest):
        raise NotSimulatedError(f"{call.method} ContactGroups")

    def save(element: Element) -> Json:
        return render_contact.contact_group(books, _save_group(books, element, old), full=True)

    return call.saved("ContactGroups", "ContactGroupID", save)


def users(call: Call) -> Response:
    """The people who may sign in to the organisation."""
    here = [user for user in USERS.values() if call.books.tenant.id in user.tenants]
    if call.method != "GET" or len(call.rest) > 1:
        raise NotSimulatedError(f"{call.method} Users")
    if call.rest:
        here = [user for user in here if user.id == call.rest[0].lower()]
        if not here:
            raise MissingError
        return call.reply("Users", [render_settings.user(call.books, here[0])])
    fields = {"userid": _id, "emailaddress": _email, "lastname": _last, "issubscriber": _subscriber}
    listing = run(call.query, here, fields, pageable=False)
    return call.reply("Users", [render_settings.user(call.books, user) for user in listing.records])


def _id(user: User) -> Value:
    return user.id


def _email(user: User) -> Value:
    return user.email


def _last(user: User) -> Value:
    return user.name.partition(" ")[2]


def _subscriber(_user: User) -> Value:
    return True


def _categories(call: Call, shown: list[Json]) -> Response:
    return call.reply("TrackingCategories", shown)


def _options(call: Call, category: TrackingCategory) -> Response:
    books, rest = call.books, call.rest
    if rest[1].lower() != "options" or len(rest) > 3:
        raise NotSimulatedError(f"TrackingCategories/{{id}}/{rest[1]}")
    old = category.option(rest[2].lower()) if len(rest) == 3 else None
    if len(rest) == 3 and old is None:
        raise MissingError
    if old is not None and call.method == "DELETE":
        gone = delete_option(books, category, old)
        return call.reply("Options", [render_settings.tracking_option(category, gone)])
    if call.method not in ("PUT", "POST") or call.put != (old is None):
        raise NotSimulatedError(f"{call.method} on tracking options")

    def save(element: Element) -> Json:
        # Each option is saved into the category as the one before it left it.
        present = books.tracking.rows[category.id]
        return render_settings.tracking_option(present, save_option(books, present, element, old))

    return call.saved("Options", "TrackingOptionID", save)


def _save_group(books: Books, element: Element, old: ContactGroup | None) -> ContactGroup:
    start = old or ContactGroup(new_id(), "")
    name, status = element.text("Name"), (element.text("Status") or start.status).upper()
    fresh = replace(start, name=start.name if name is None else name, status=status)
    if start.status == "DELETED" or status not in ("ACTIVE", "DELETED"):
        raise RefusedError("The contact group cannot be changed")
    if not fresh.name.strip():
        raise RefusedError("The Name of a contact group must be specified")
    others = [g for g in books.groups.rows.values() if g.id != fresh.id and g.status == "ACTIVE"]
    if status == "ACTIVE" and any(g.name.lower() == fresh.name.lower() for g in others):
        raise RefusedError("The contact group name is already in use")
    return books.groups.put(fresh if status == "ACTIVE" else replace(fresh, contacts=()))


def _members(call: Call, group: ContactGroup) -> Response:
    books, rest = call.books, call.rest
    if rest[1].lower() != "contacts" or len(rest) > 3:
        raise NotSimulatedError(f"ContactGroups/{{id}}/{rest[1]}")
    if call.method == "PUT" and len(rest) == 2:
        sent = [element.guid("ContactID") for element in call.elements("Contacts")]
        found = [books.contacts.get(key) for key in sent]
        wanted = [contact.id for contact in found if contact is not None]
        if len(wanted) != len(sent):
            raise RefusedError("A contact to add could not be found")
        saved = books.groups.put(replace(group, contacts=tuple(dict.fromkeys((*group.contacts, *wanted)))))
        return call.reply("Contacts", [render_contact.contact_stub(books, key) for key in saved.contacts])
    if call.method != "DELETE":
        raise MalformedError("Contacts of a group are added with PUT and taken out with DELETE")
    gone = rest[2].lower() if len(rest) == 3 else None
    if gone is not None and gone not in group.contacts:
        raise MissingError
    books.groups.put(replace(group, contacts=tuple(c for c in group.contacts if gone not in (None, c))))
    return Response(status_code=204)
