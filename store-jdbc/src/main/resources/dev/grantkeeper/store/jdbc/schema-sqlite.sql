-- Grantkeeper: the table of grants. SQLite
--
-- COLLATE BINARY is SQLite's default, and stated because the rules of a token store rest on it.
CREATE TABLE IF NOT EXISTS grantkeeper_tokens (
    digest       TEXT    NOT NULL PRIMARY KEY COLLATE BINARY, -- AccountKey.digest()
    registration TEXT    NOT NULL,
    account      TEXT    NOT NULL,
    version      TEXT    NOT NULL COLLATE BINARY,
    text         TEXT    NOT NULL,
    updated_at   INTEGER NOT NULL                             -- milliseconds since 1970
);
