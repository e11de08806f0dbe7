"""The operator's admin at `/admin`: across firms, read under the role that cannot write, changed by the use cases.

Its views are the one place besides `app.db` that imports SQLAlchemy.
"""
