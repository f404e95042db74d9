//! Samples as chunks: batches as they arrive, sealed into chunks of a device's hours and days. What is in
//! `agent_metrics` is moved by a job, because SQL cannot write chunks. On PostgreSQL both tables have partitions by time
//! in a schema of their own, which nobody but their owner can reach directly; the server makes and drops them through
//! two functions that run as their owner.

crate::step!(UP, DOWN);

const UP: &str = "
{sqlite} CREATE TABLE metric_batches (
    arrival INTEGER PRIMARY KEY AUTOINCREMENT,
    device_key BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    payload BLOB NOT NULL
);
{sqlite} CREATE TABLE metric_chunks (
    id INTEGER PRIMARY KEY,
    device_key BIGINT NOT NULL,
    tier SMALLINT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    is_settled BOOLEAN NOT NULL,
    payload BLOB NOT NULL
);

{postgres} CREATE SCHEMA reeve_partitions;
{postgres} CREATE SEQUENCE metric_batches_arrival;
{postgres} CREATE TABLE metric_batches (
    arrival BIGINT NOT NULL DEFAULT nextval('metric_batches_arrival'),
    device_key BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    payload BYTEA NOT NULL
) PARTITION BY RANGE (received_at);
{postgres} CREATE TABLE reeve_partitions.metric_batches_rest PARTITION OF metric_batches DEFAULT;

{postgres} CREATE TABLE metric_chunks (
    id BIGINT NOT NULL,
    device_key BIGINT NOT NULL,
    tier SMALLINT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    is_settled BOOLEAN NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (device_key, tier, starts_at)
) PARTITION BY LIST (tier);
{postgres} ALTER TABLE metric_chunks ALTER COLUMN payload SET STORAGE EXTERNAL;
{postgres} CREATE TABLE reeve_partitions.metric_raw PARTITION OF metric_chunks FOR VALUES IN (0)
    PARTITION BY RANGE (starts_at);
{postgres} CREATE TABLE reeve_partitions.metric_raw_rest PARTITION OF reeve_partitions.metric_raw DEFAULT;
{postgres} CREATE TABLE reeve_partitions.metric_five_minutes PARTITION OF metric_chunks FOR VALUES IN (1)
    PARTITION BY RANGE (starts_at);
{postgres} CREATE TABLE reeve_partitions.metric_five_minutes_rest PARTITION OF reeve_partitions.metric_five_minutes
    DEFAULT;

CREATE INDEX metric_batches_device ON metric_batches (device_key, last_at);
CREATE INDEX metric_chunks_age ON metric_chunks (tier, starts_at, device_key);
CREATE INDEX metric_chunks_unsettled ON metric_chunks (starts_at, device_key) WHERE NOT is_settled;

{postgres} CREATE FUNCTION reeve_partitioned(kind text) RETURNS regclass LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE kind WHEN 'batches' THEN 'public.metric_batches' WHEN 'raw' THEN 'reeve_partitions.metric_raw'
        WHEN 'five_minutes' THEN 'reeve_partitions.metric_five_minutes' END::regclass
    $$;
{postgres} CREATE FUNCTION reeve_make_partition(kind text, name text, low bigint, high bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        parent regclass := public.reeve_partitioned(kind){;}
        part text := format('metric_%s_%s', kind, name){;}
        by_column text := CASE kind WHEN 'batches' THEN 'received_at' ELSE 'starts_at' END{;}
    BEGIN
        IF parent IS NULL OR name !~ '^[0-9]{6,8}$' OR low >= high THEN
            RAISE EXCEPTION 'no such partition'{;}
        END IF{;}
        IF to_regclass(format('reeve_partitions.%I', part)) IS NOT NULL THEN
            RETURN FALSE{;}
        END IF{;}
        PERFORM set_config('lock_timeout', '5s', true){;}
        PERFORM pg_advisory_xact_lock(hashtextextended('reeve partitions', 0)){;}
        IF EXISTS (SELECT 1 FROM pg_class WHERE relname = part AND relnamespace = 'reeve_partitions'::regnamespace) THEN
            RETURN FALSE{;}
        END IF{;}
        BEGIN
            EXECUTE format('CREATE TABLE reeve_partitions.%I (LIKE %s INCLUDING DEFAULTS INCLUDING STORAGE)', part, parent){;}
        EXCEPTION WHEN duplicate_table THEN
            RETURN FALSE{;}
        END{;}
        EXECUTE format('WITH strays AS (DELETE FROM reeve_partitions.%I WHERE %I >= %s AND %I < %s RETURNING *)
            INSERT INTO reeve_partitions.%I SELECT * FROM strays',
            'metric_' || kind || '_rest', by_column, low, by_column, high, part){;}
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION reeve_partitions.%I FOR VALUES FROM (%s) TO (%s)',
            parent, part, low, high){;}
        RETURN TRUE{;}
    END $$;
{postgres} CREATE FUNCTION reeve_drop_partitions(kind text, before bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        parent regclass := public.reeve_partitioned(kind){;}
        part regclass{;}
        is_used boolean{;}
        dropped bigint := 0{;}
    BEGIN
        IF parent IS NULL THEN
            RAISE EXCEPTION 'no such partitions'{;}
        END IF{;}
        PERFORM set_config('lock_timeout', '5s', true){;}
        PERFORM pg_advisory_xact_lock(hashtextextended('reeve partitions', 0)){;}
        FOR part IN SELECT c.oid FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = parent
            AND substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO [(]''([0-9]+)''[)]')::bigint <= before
        LOOP
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', part) INTO is_used{;}
            CONTINUE WHEN is_used{;}
            EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', parent){;}
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', part) INTO is_used{;}
            IF NOT is_used THEN
                EXECUTE format('DROP TABLE %s', part){;}
                dropped := dropped + 1{;}
            END IF{;}
        END LOOP{;}
        RETURN dropped{;}
    END $$;
{postgres} REVOKE ALL ON FUNCTION reeve_make_partition FROM PUBLIC;
{postgres} REVOKE ALL ON FUNCTION reeve_drop_partitions FROM PUBLIC;

{postgres} ALTER TABLE metric_batches ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE metric_batches FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY device ON metric_batches USING ((reeve_sees(NULL) AND COALESCE(current_setting('reeve.denied', true), '') IN ('', '{}'))
    OR EXISTS (SELECT 1 FROM agent_devices d WHERE d.device_key = metric_batches.device_key));

{postgres} ALTER TABLE metric_chunks ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE metric_chunks FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY device ON metric_chunks USING ((reeve_sees(NULL) AND COALESCE(current_setting('reeve.denied', true), '') IN ('', '{}'))
    OR EXISTS (SELECT 1 FROM agent_devices d WHERE d.device_key = metric_chunks.device_key));
";

const DOWN: &str = "
DROP TABLE metric_chunks;
DROP TABLE metric_batches;
{postgres} DROP FUNCTION reeve_drop_partitions;
{postgres} DROP FUNCTION reeve_make_partition;
{postgres} DROP FUNCTION reeve_partitioned;
{postgres} DROP SEQUENCE metric_batches_arrival;
{postgres} DROP SCHEMA reeve_partitions;
";
