-- The rental shop with the types of PostgreSQL's own sample database, written by hand for tests: an enum, domains, arrays, tsvector,
-- numeric with and without digits, bytea, partitions, generated columns, views, with rows that have odd values.
CREATE TYPE mpaa_rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
CREATE DOMAIN year AS integer CHECK (VALUE >= 1901 AND VALUE <= 2155);

CREATE TABLE country (country_id integer PRIMARY KEY, country text NOT NULL, last_update timestamptz NOT NULL DEFAULT now());
INSERT INTO country VALUES (1, 'Österreich', '2022-02-15 09:44:00+01'), (2, '日本', '1970-01-01 00:00:00+00'), (-2147483648, '', '9999-12-31 23:59:59.999999+00');

CREATE TABLE city (city_id serial PRIMARY KEY, city varchar(50) NOT NULL, country_id integer NOT NULL REFERENCES country, last_update timestamptz NOT NULL DEFAULT now());
INSERT INTO city VALUES (1, 'Wien', 1, '2022-02-15 09:45:25+00'), (2, E'A "quoted" \\ town\n', 2, '2022-02-15 09:45:25+00');

CREATE TABLE address (
  address_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  address text NOT NULL, address2 text, district char(20) NOT NULL, city_id integer NOT NULL REFERENCES city, postal_code text,
  location point, network inet, extra jsonb, area bigint,
  last_update timestamptz NOT NULL DEFAULT now());
INSERT INTO address (address, address2, district, city_id, postal_code, location, network, extra, area) VALUES
  ('47 MySakila Drive', NULL, 'Alberta', 1, '00042', '(1.5,-2)', '10.0.0.1', '{"b": 1, "a": [1, 2.50, null, {"ü": "\""}]}', 9223372036854775807),
  ('23 Workhaven Lane 🏠', '', '  x', 2, NULL, NULL, '::1/64', '"text"', -1), (E'\t', ' ', '', 1, '-', '(0,0)', NULL, NULL, NULL);

CREATE TABLE staff (
  staff_id smallint PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, email text, active boolean NOT NULL DEFAULT true, username text NOT NULL,
  password text, picture bytea, passport_no char(9), badge uuid, last_update timestamptz NOT NULL DEFAULT now());
INSERT INTO staff VALUES
  (1, 'Mike', 'Hillyer', 'Mike.Hillyer@sakilastaff.com', true, 'Mike', '8cb2237d0679ca88db6464eac60da96345513964', '\x89504e470d0a1a0a0000', 'P1234567', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '2022-05-16 16:13:11.79328+00'),
  (2, 'Jon', 'Stephens', NULL, false, 'Jon', NULL, NULL, NULL, NULL, '2022-05-16 16:13:11+00'),
  (-32768, 'Bobby', 'Tables''; DROP', '', true, '', '', '', 'x', '00000000-0000-0000-0000-000000000000', '0001-01-01 00:00:00+00');

CREATE TABLE language (language_id integer PRIMARY KEY, name character(20) NOT NULL, last_update timestamptz NOT NULL DEFAULT now());
INSERT INTO language VALUES (1, 'English', '2022-02-15 10:02:19+00'), (2, 'Français', '2022-02-15 10:02:19+00');

CREATE TABLE actor (actor_id integer PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, last_update timestamptz NOT NULL DEFAULT now());
INSERT INTO actor VALUES (1, 'PENELOPE', 'GUINESS', '2022-02-15 09:34:33+00'), (2, 'Ürsula 𝔘', 'O''Hara', '2022-02-15 09:34:33+00');

CREATE TABLE film (
  film_id integer PRIMARY KEY,
  title text NOT NULL,
  description text,
  release_year year,
  language_id integer NOT NULL REFERENCES language,
  rental_duration smallint NOT NULL DEFAULT 3,
  rental_rate numeric(4,2) NOT NULL DEFAULT 4.99,
  length smallint,
  replacement_cost numeric(5,2) NOT NULL DEFAULT 19.99,
  budget numeric,
  score double precision,
  rating mpaa_rating DEFAULT 'G',
  special_features text[],
  fulltext tsvector NOT NULL,
  runtime interval,
  long_title text GENERATED ALWAYS AS (title || '!') STORED,
  last_update timestamptz NOT NULL DEFAULT now());
INSERT INTO film (film_id, title, description, release_year, language_id, rental_duration, rental_rate, length, replacement_cost, budget, score, rating, special_features, fulltext, runtime, last_update) VALUES
  (1, 'ACADEMY DINOSAUR', 'A Epic Drama', 2006, 1, 6, 0.99, 86, 20.99, 123456789012345678901234567890.123456789, 0.1, 'PG', '{"Deleted Scenes","Behind the Scenes"}', '''academi'':1 ''dinosaur'':2', '01:26:00', '2022-09-10 16:46:03.905795+00'),
  (2, 'ACE GOLDFINGER', NULL, 1901, 1, 32767, -99.99, 0, 999.99, 1.10, -1e300, 'NC-17', '{}', '', '-1 year 2 days 00:00:00.5', '2022-09-10 16:46:03+00'),
  (3, 'ADAPTATION HOLES', '', NULL, 2, -32768, 0, NULL, 0.01, NULL, NULL, NULL, '{NULL,"a,b","\"q\""}', '''hole'':2A', NULL, '2022-09-10 16:46:03+00'),
  (4, 'AFFAIR  ', repeat('long ', 3000), 2155, 1, 3, 2.99, 117, 19.99, 0, 5e-324, 'R', NULL, 'affair', '0', '2022-09-10 16:46:03+00'),
  (-1, '', NULL, NULL, 1, 0, 0.00, -1, 0, 'NaN', 'NaN', 'PG-13', '{"x"}', '', '1 mon', 'infinity');

CREATE TABLE film_actor (
  actor_id integer NOT NULL REFERENCES actor, film_id integer NOT NULL REFERENCES film, last_update timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (actor_id, film_id));
INSERT INTO film_actor VALUES (1, 1, '2022-02-15 10:05:03+00'), (1, 2, '2022-02-15 10:05:03+00'), (2, 1, '2022-02-15 10:05:03+00');

CREATE TABLE customer (
  customer_id integer PRIMARY KEY, first_name text NOT NULL, email text, activebool boolean NOT NULL DEFAULT true, api_key_hash bytea, password_changed_at timestamptz,
  create_date date NOT NULL DEFAULT CURRENT_DATE, tags integer[], last_update timestamptz DEFAULT now());
INSERT INTO customer VALUES
  (1, 'MARY', 'MARY.SMITH@sakilacustomer.org', true, '\x00ff', '2022-02-14 00:00:00+00', '2022-02-14', '{1,2,NULL}', NULL),
  (2, 'PATRICIA', NULL, false, NULL, NULL, '0044-03-15 BC', '{{1,2},{3,4}}', '2022-02-15 09:57:20.000001+00'),
  (3, 'LINDA', '', true, '', NULL, 'infinity', '{}', '2022-02-15 09:57:20+00');

CREATE TABLE payment (
  payment_id integer NOT NULL, customer_id integer NOT NULL, amount numeric(5,2) NOT NULL, payment_date timestamptz NOT NULL, PRIMARY KEY (payment_date, payment_id)
) PARTITION BY RANGE (payment_date);
CREATE TABLE payment_p2022_01 PARTITION OF payment FOR VALUES FROM ('2022-01-01 00:00:00+00') TO ('2022-02-01 00:00:00+00');
CREATE TABLE payment_p2022_02 PARTITION OF payment FOR VALUES FROM ('2022-02-01 00:00:00+00') TO ('2022-03-01 00:00:00+00');
INSERT INTO payment VALUES (1, 1, 2.99, '2022-01-25 11:30:37.000001+00'), (2, 1, -999.99, '2022-02-14 21:00:00+00'), (3, 2, 0, '2022-02-28 23:59:59.999999+00');

CREATE TABLE visits (at timestamptz, page text);
INSERT INTO visits VALUES ('2022-02-14 21:00:00+00', '/');

CREATE VIEW customer_list AS SELECT customer_id AS id, first_name AS name FROM customer;
CREATE MATERIALIZED VIEW rental_by_category AS SELECT rating, sum(rental_rate) FROM film GROUP BY rating;
