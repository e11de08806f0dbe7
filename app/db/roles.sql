-- The roles of a Tieout database. Safe to run again; the embedded server runs it at every start.
--
-- On a server of your own, run it once as a role that may create roles, then give the two logins their passwords and
-- make the database:
--
--     psql -f app/db/roles.sql
--     \password tieout_owner
--     \password tieout_login
--     CREATE DATABASE tieout OWNER tieout_owner ENCODING 'UTF8' TEMPLATE template0;
--
--     MIGRATION_DATABASE_URL=postgresql://tieout_owner:…@host/tieout     runs Alembic
--     DATABASE_URL=postgresql://tieout_login:…@host/tieout               runs the service and its workers
--
-- Where only a console may create roles, create the five there with the same attributes and make the three grants below.
-- CREATEROLE and CREATEDB of the owner serve the test suite alone; leave them out in production.
--
--   tieout_owner     owns the tables and migrates them. No superuser: row-level security binds it like everybody else.
--   tieout_login     what the service logs in as. Has no rights of its own: each pool takes one of the three roles below.
--   tieout_app       sees one firm, the one set in the transaction.
--   tieout_system    sees what belongs to no firm yet: key look-up, OAuth states, webhook ingest, ticker, grants.
--   tieout_operator  reads across firms.

DO $$
DECLARE
    role_name text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tieout roles')); -- two that start at once take turns
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tieout_owner') THEN
        CREATE ROLE tieout_owner LOGIN NOSUPERUSER CREATEROLE CREATEDB NOBYPASSRLS;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tieout_login') THEN
        CREATE ROLE tieout_login LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOBYPASSRLS NOINHERIT;
    END IF;
    FOREACH role_name IN ARRAY ARRAY['tieout_app', 'tieout_system', 'tieout_operator'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOBYPASSRLS', role_name);
        END IF;
        -- The login may become each of the three, but holds none of their rights until it does.
        IF current_setting('server_version_num')::int >= 160000 THEN
            EXECUTE format('GRANT %I TO tieout_login WITH INHERIT FALSE, SET TRUE', role_name);
        ELSE
            EXECUTE format('GRANT %I TO tieout_login', role_name);
        END IF;
    END LOOP;
END
$$;
