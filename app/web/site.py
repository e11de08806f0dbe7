"""The whole list of pages that the service serves to people."""

from fastapi import APIRouter

from app.web import connecting, integrations, landing, sign_in

ROUTERS: tuple[APIRouter, ...] = (
    landing.router,
    sign_in.router,
    integrations.router,
    connecting.router,
)
