-- What all golden queries read: each event once, from rows of any JSON, and how amounts, pieces and times are read. `raw` has
-- the rows, `currencies` the decimal digits of ISO 4217.
CREATE MACRO field(value, path) AS json_extract_string(value, path);
CREATE MACRO part(value, path) AS json_extract(value, path);
-- Of a list its items; of anything else none.
CREATE MACRO items(value, path) AS CASE WHEN json_type(value, path) = 'ARRAY' THEN CAST(json_extract(value, path) AS JSON[]) END;
-- The lines of an event; of no list, one that says nothing.
CREATE MACRO lines(data) AS coalesce(items(data, '$.lines'), ['null'::JSON]);

CREATE TABLE events AS
SELECT
  field(envelope, '$.id') AS id,
  field(envelope, '$.type') AS type,
  field(envelope, '$.source') AS source,
  field(envelope, '$.subject') AS subject,
  (field(envelope, '$.sequence'))::BIGINT AS sequence,
  TRY_CAST(field(envelope, '$.time') AS TIMESTAMPTZ)::TIMESTAMP AS happened,
  field(envelope, '$.correlationId') AS correlation_id,
  field(envelope, '$.actor') AS actor,
  part(envelope, '$.data') AS data
FROM (SELECT arg_min(envelope, publish_time) AS envelope FROM raw WHERE json_type(envelope, '$.id') = 'VARCHAR' GROUP BY field(envelope, '$.id'));

-- A whole number from zero, of so many digits at most; null: it breaks its contract.
CREATE MACRO whole(value, digits) AS CASE
  WHEN json_type(value) = 'UBIGINT' AND length(value::VARCHAR) <= digits THEN value::BIGINT
END;
CREATE MACRO minor(data, path) AS whole(part(data, path), 16);
-- An amount that an event may leave out.
CREATE MACRO optional_minor(data, path, absent) AS CASE WHEN part(data, path) IS NULL THEN absent ELSE whole(part(data, path), 16) END;
CREATE MACRO moment(value) AS CASE
  WHEN year(TRY_CAST(value AS TIMESTAMPTZ)) BETWEEN 1 AND 9999 THEN TRY_CAST(value AS TIMESTAMPTZ)::TIMESTAMP
END;
-- In the major unit; a code that ISO 4217 does not have counts hundredths.
CREATE MACRO major(amount, currency_code) AS
  amount::DECIMAL(33, 0) * coalesce((SELECT unit FROM currencies WHERE currencies.code = currency_code), 0.01)::DECIMAL(5, 4);
