-- The ledger: highwater's own schema. Everything the daemon must not forget lives here, beside the rows it watches,
-- so that one commit covers both. All tables are logged and keyed.

-- One row: what this source is, and what its documents' versions are counted from.
CREATE TABLE highwater.source (
    singleton         boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    -- Names this ledger towards Elasticsearch.
    id                uuid    NOT NULL DEFAULT gen_random_uuid(),
    -- Upper bits of every document version; raised when positions may have gone back.
    epoch             integer NOT NULL DEFAULT 1,
    -- Number of the set of live generations and their definitions; raised with each change of it.
    revision          bigint  NOT NULL DEFAULT 1,
    -- Lineage: what the database was when it was last confirmed.
    system_identifier text    NOT NULL,
    database_oid      bigint  NOT NULL,
    timeline          text    NOT NULL,
    -- The highest snapshot position recorded so far in this epoch: a snapshot that sees this row is not below it.
    highest_position  bigint  NOT NULL DEFAULT 0,
    -- Set while changes may have been missed, until a sweep over everything is queued.
    suspect_since     timestamptz,
    -- Committed here first, then written to Elasticsearch: tells a copy or an older state of either side.
    nonce             bigint  NOT NULL DEFAULT 0,
    confirmed_nonce   bigint  NOT NULL DEFAULT 0
);

-- Triggers log only while clock_timestamp() is before this (seconds since 1970). Sequences, because their value is the
-- same for every transaction, whatever its snapshot: a renewal is seen at once by all.
CREATE SEQUENCE highwater.capture_until MINVALUE 0 START 0;
-- ... and while touch ids are below this.
CREATE SEQUENCE highwater.touch_until MINVALUE 0 START 0;
-- Serials of rows that may be replaced while a walker works on an older state of them.
CREATE SEQUENCE highwater.serial;

-- One layout of what a table's triggers log. Never changed: a touch stays readable by the layout it was written with.
CREATE TABLE highwater.capture (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_oid   oid     NOT NULL,
    schema_name text    NOT NULL,
    table_name  text    NOT NULL,
    -- Logged columns, the key's first.
    columns     text[]  NOT NULL,
    key_columns integer NOT NULL,
    -- Columns whose values are compared at an update, in the order that touches number them by.
    compared    text[]  NOT NULL,
    -- The text of the function body, for telling drift.
    body        text    NOT NULL,
    -- The layout in force for its table.
    current     boolean NOT NULL DEFAULT true,
    -- "xmin" of the trigger and function rows as installed: a change and its undoing between two looks still shows.
    installed   text    NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX capture_current ON highwater.capture (table_oid) WHERE current;

-- The touch log. Append only; written in the application's own transactions.
CREATE TABLE highwater.touch (
    id      bigint      GENERATED ALWAYS AS IDENTITY,
    xid     xid8        NOT NULL DEFAULT pg_current_xact_id(),
    at      timestamptz NOT NULL DEFAULT now(),
    -- Absent for a touch that names a document's key itself.
    capture integer,
    -- Values of the layout's columns; only the key's where shorter; absent for a marker: anything in the table.
    columns text[],
    -- Which of the layout's compared columns differ after an update, from 1; absent where anything may.
    changed smallint[],
    -- Only this generation's document of this key (from verify).
    generation integer,
    -- Of such a document: routings under which copies may stand, beside where it belongs.
    copies  text[],
    PRIMARY KEY (id, xid)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
        autovacuum_vacuum_insert_threshold = -1);

-- Concrete indexes behind an alias. Rows stay for ever, so that numbers are never used again.
CREATE TABLE highwater.generation (
    id              integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    index_name      text    NOT NULL,
    number          integer NOT NULL,
    -- The text that every daemon feeds it by, whatever its own files say.
    definition      text    NOT NULL,
    definition_hash text    NOT NULL,
    -- building: fed and backfilled; live: fed and behind the alias; retired: no longer fed.
    state           text    NOT NULL DEFAULT 'building' CHECK (state IN ('building', 'live', 'retired')),
    -- Its index was made, for it alone. Nothing is written before: an index of this name may be somebody else's.
    made            boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (index_name, number)
);

-- Keys that could not be written when their claim had to be closed.
CREATE TABLE highwater.parked (
    generation integer     NOT NULL REFERENCES highwater.generation ON DELETE CASCADE,
    key        text        NOT NULL,
    serial     bigint      NOT NULL DEFAULT nextval('highwater.serial'),
    at         timestamptz NOT NULL,
    due_at     timestamptz NOT NULL DEFAULT now(),
    attempts   integer     NOT NULL DEFAULT 0,
    reason     text        NOT NULL,
    -- Routings under which copies may stand, beside where the document belongs.
    copies     text[]      NOT NULL DEFAULT '{}',
    PRIMARY KEY (generation, key)
);
CREATE INDEX parked_due ON highwater.parked (due_at);

-- Documents that cannot be built, or that Elasticsearch refuses, whatever is tried.
CREATE TABLE highwater.dead (
    generation integer     NOT NULL REFERENCES highwater.generation ON DELETE CASCADE,
    key        text        NOT NULL,
    version    bigint      NOT NULL,
    reason     text        NOT NULL,
    attempts   integer     NOT NULL DEFAULT 1,
    first_at   timestamptz NOT NULL DEFAULT now(),
    last_at    timestamptz NOT NULL DEFAULT now(),
    -- As for a parked key: where it belongs now could not be read, and so nothing was deleted.
    copies     text[]      NOT NULL DEFAULT '{}',
    PRIMARY KEY (generation, key)
);

-- Each delete is sent once more, later, at the same version: Elasticsearch forgets deleted documents' versions when it
-- restarts or moves a shard, and a stalled writer could bring the document back.
CREATE TABLE highwater.repeated_delete (
    generation integer     NOT NULL REFERENCES highwater.generation ON DELETE CASCADE,
    key        text        NOT NULL,
    version    bigint      NOT NULL,
    -- Empty without routing: to Elasticsearch, an empty one is none.
    routing    text        NOT NULL DEFAULT '',
    due_at     timestamptz NOT NULL,
    PRIMARY KEY (generation, key, version, routing)
);
CREATE INDEX repeated_delete_due ON highwater.repeated_delete (due_at);

-- Work over many keys of one generation: backfill (all roots by ranges), sweep (the same, then every id in the index),
-- expansion (the roots that certain touches reach), verify (every document against its rows, before the alias moves).
CREATE TABLE highwater.job (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    generation  integer     NOT NULL REFERENCES highwater.generation ON DELETE CASCADE,
    kind        text        NOT NULL CHECK (kind IN ('backfill', 'sweep', 'expansion', 'verify')),
    -- waiting: ranges not yet cut; running; done.
    state       text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done')),
    at          timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    -- Expansion: the touched rows, in this layout, one array of column values each, and the place in the documents from
    -- which they are followed up.
    capture     integer,
    place       text,
    touched     jsonb,
    -- Documents estimated and acknowledged.
    total       bigint      NOT NULL DEFAULT 0,
    done        bigint      NOT NULL DEFAULT 0
);
CREATE INDEX job_open ON highwater.job (generation) WHERE state <> 'done';

-- A job's ranges of root keys, (low, high]; open where absent. Gone when done.
CREATE TABLE highwater.range (
    job    bigint  NOT NULL REFERENCES highwater.job ON DELETE CASCADE,
    number integer NOT NULL,
    low    text,
    high   text,
    PRIMARY KEY (job, number)
);

-- Per table: every change that had committed at as_of and is stamped before last_touched is in every index.
CREATE TABLE highwater.watermark (
    table_name   text        PRIMARY KEY,
    last_touched timestamptz NOT NULL,
    as_of        timestamptz NOT NULL
);

-- Time, as documents see it: content is a function of the snapshot, and so time is a row that a commit moves on.
CREATE TABLE highwater.clock (
    singleton boolean     PRIMARY KEY DEFAULT true CHECK (singleton),
    -- Never goes back, whatever the server's own clock does.
    at        timestamptz NOT NULL DEFAULT now(),
    -- Rows whose moments are not behind this one are touched.
    touched   timestamptz NOT NULL DEFAULT now()
);
INSERT INTO highwater.clock DEFAULT VALUES;

-- For definitions, where `due` says whose moments pass.
CREATE FUNCTION highwater.clock() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT at FROM highwater.clock';

-- For applications: "this row changed", in any transaction, where no trigger can see it. The table must be captured.
-- The key is logged as its columns print it, with the settings of the triggers.
CREATE FUNCTION highwater.touch(captured regclass, VARIADIC key text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD' SET timezone = 'UTC' SET intervalstyle = 'postgres' SET bytea_output = 'hex' SET extra_float_digits = 1 AS $$
DECLARE
    layout highwater.capture;
    type_name text;
    printed text;
BEGIN
    SELECT * INTO layout FROM highwater.capture WHERE table_oid = captured AND current;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'highwater does not capture table %', captured
            USING HINT = 'Only tables that a definition uses can be touched; see "highwater plan".';
    END IF;
    key := ARRAY(SELECT unnest(key)); -- counted from 1, however it was given
    IF cardinality(key) <> layout.key_columns OR array_position(key, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'the key of % has % column(s): %', captured, layout.key_columns, layout.columns[:layout.key_columns]
            USING HINT = 'Give one text value for each, in this order.';
    END IF;
    FOR at IN 1 .. layout.key_columns LOOP
        SELECT format_type(atttypid, -1) INTO type_name
            FROM pg_attribute WHERE attrelid = captured AND attname = layout.columns[at] AND NOT attisdropped;
        IF NOT FOUND THEN
            -- As a trigger does when a column is gone: anything in the table may have changed.
            INSERT INTO highwater.touch (capture) VALUES (layout.id);
            RETURN;
        END IF;
        BEGIN
            EXECUTE format('SELECT $1::%s::text', type_name) INTO printed USING key[at];
            key[at] := printed;
        EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
            RAISE EXCEPTION 'column % of % cannot hold this value', layout.columns[at], captured
                USING ERRCODE = SQLSTATE, DETAIL = SQLERRM, HINT = format('Give the text of a value of type %s.', type_name);
        END;
    END LOOP;
    INSERT INTO highwater.touch (capture, columns) VALUES (layout.id, key);
END $$;
REVOKE ALL ON FUNCTION highwater.touch(regclass, text[]) FROM PUBLIC;
