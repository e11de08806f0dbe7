"""The whole list of pages that the service serves to people."""

from fastapi import APIRouter

from app.web import (
    activity,
    attention,
    connecting,
    house,
    integrations,
    landing,
    mapping,
    reports,
    sign_in,
    timeline,
)

ROUTERS: tuple[APIRouter, ...] = (
    landing.router,
    sign_in.router,
    integrations.router,
    connecting.router,
    activity.router,
    timeline.router,
    attention.router,
    mapping.router,
    reports.router,
    house.router,
)
