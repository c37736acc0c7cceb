-- The tables of the example config/indexes/books.yaml. docker-compose.yml loads them into a new database.
CREATE TABLE country (id int PRIMARY KEY, code text NOT NULL);
CREATE TABLE publisher (id int PRIMARY KEY, name text NOT NULL, country_id int REFERENCES country);
CREATE TABLE category (id int PRIMARY KEY, parent_id int REFERENCES category, name text NOT NULL);
CREATE TABLE book (
    id bigint PRIMARY KEY, title text NOT NULL, price_cents int, published_on date, deleted_at timestamptz,
    publisher_id int REFERENCES publisher, category_id int REFERENCES category
);
CREATE TABLE author (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE book_author (
    book_id bigint REFERENCES book ON DELETE CASCADE, author_id bigint REFERENCES author, position int, role text,
    PRIMARY KEY (book_id, author_id)
);
CREATE TABLE tag (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE book_tag (
    book_id bigint REFERENCES book ON DELETE CASCADE, tag_id int REFERENCES tag, PRIMARY KEY (book_id, tag_id)
);
CREATE TABLE review (
    id bigint PRIMARY KEY, book_id bigint NOT NULL REFERENCES book ON DELETE CASCADE, stars smallint, body text,
    spam boolean NOT NULL DEFAULT false, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON publisher (country_id);
CREATE INDEX ON category (parent_id);
CREATE INDEX ON book (publisher_id);
CREATE INDEX ON book (category_id);
CREATE INDEX ON book_author (author_id);
CREATE INDEX ON book_tag (tag_id);
CREATE INDEX ON review (book_id);
INSERT INTO country VALUES (1, 'gb');
INSERT INTO publisher VALUES (1, 'Example House', 1);
INSERT INTO category VALUES (1, NULL, 'Fiction'), (2, 1, 'Novels');
INSERT INTO book VALUES (1, 'A First Example', 1250, '2020-05-01', NULL, 1, 2);
INSERT INTO author VALUES (1, 'Ann Author');
INSERT INTO book_author VALUES (1, 1, 1, 'author');
INSERT INTO tag VALUES (1, 'example');
INSERT INTO book_tag VALUES (1, 1);
INSERT INTO review VALUES (1, 1, 5, 'Reads well.', false);
