-- Grantkeeper: the table of grants. H2 2.x
--
-- VARCHAR: holds up to 1,048,576 characters, and is read with its row, where a CLOB is fetched after it.
-- VARCHAR_CASESENSITIVE: 'v' and 'V' are two versions, under SET IGNORECASE TRUE as well.
CREATE TABLE IF NOT EXISTS grantkeeper_tokens (
    digest       CHAR(64)                  NOT NULL PRIMARY KEY, -- AccountKey.digest()
    registration VARCHAR(1024)             NOT NULL,
    account      VARCHAR(1024)             NOT NULL,
    version      VARCHAR_CASESENSITIVE(64) NOT NULL,
    text         VARCHAR(1048576)          NOT NULL,
    updated_at   BIGINT                    NOT NULL              -- milliseconds since 1970
);
