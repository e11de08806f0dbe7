# Sourced by the postgres image once, on an empty volume, after roles.sql: passwords and the database. A file of its own
# because Compose cannot put inline text into a container whose root is read-only.
psql -v ON_ERROR_STOP=1 -v owner="$OWNER_PASSWORD" -v login="$LOGIN_PASSWORD" -U postgres << 'SQL'
ALTER ROLE tieout_owner NOCREATEROLE NOCREATEDB PASSWORD :'owner';
ALTER ROLE tieout_login PASSWORD :'login';
CREATE DATABASE tieout OWNER tieout_owner;
SQL
