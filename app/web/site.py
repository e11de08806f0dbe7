"""The whole list of pages that the service serves to people."""

from fastapi import APIRouter

from app.web import (
    activity,
    attention,
    connecting,
    exports,
    house,
    imports,
    integrations,
    landing,
    mapping,
    openid,
    reference,
    reports,
    sign_in,
    timeline,
)

ROUTERS: tuple[APIRouter, ...] = (
    landing.router,
    openid.router,  # before the links, which take any word behind /sign-in/
    sign_in.router,
    integrations.router,
    connecting.router,
    activity.router,
    timeline.router,
    attention.router,
    mapping.router,
    exports.router,
    imports.router,
    reports.router,
    house.router,
    reference.router,
)
