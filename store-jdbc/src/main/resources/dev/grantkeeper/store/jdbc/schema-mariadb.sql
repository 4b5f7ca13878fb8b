-- Grantkeeper: the table of grants. MariaDB and MySQL
--
-- VARBINARY: under ascii_bin 'v' and 'v ' would be the same version.
-- MEDIUMTEXT: TEXT ends at 64 KiB. InnoDB: a guarded UPDATE needs an engine with transactions.
-- utf8mb4_bin: 'crm' and 'CRM' are two registrations, whatever the server's own collation is.
CREATE TABLE IF NOT EXISTS grantkeeper_tokens (
    digest       CHAR(64)      CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL PRIMARY KEY, -- AccountKey.digest()
    registration VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    account      VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    version      VARBINARY(64)                                           NOT NULL,
    text         MEDIUMTEXT    CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    updated_at   BIGINT                                                  NOT NULL              -- milliseconds since 1970
) ENGINE = InnoDB;
