-- Grantkeeper: the table of grants. PostgreSQL
--
-- COLLATE "C": compared byte for byte, whatever the database's own collation is.
CREATE TABLE IF NOT EXISTS grantkeeper_tokens (
    digest       CHAR(64)    COLLATE "C" NOT NULL PRIMARY KEY, -- AccountKey.digest()
    registration VARCHAR(1024)           NOT NULL,
    account      VARCHAR(1024)           NOT NULL,
    version      VARCHAR(64) COLLATE "C" NOT NULL,
    text         TEXT                    NOT NULL,
    updated_at   BIGINT                  NOT NULL              -- milliseconds since 1970
);
