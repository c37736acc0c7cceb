create table country (id int primary key, code text, name text);
create table publisher (id int primary key, name text, founded date, country_id int references country);
create table author (id int primary key, name text, born date, bio text);
create table book (id bigint primary key, isbn text, title text, blurb text, price numeric(10, 2), pages int, rating float8, published date,
    added timestamptz, in_print boolean, publisher_id int references publisher);
create table book_author (book_id bigint references book, author_id int references author, position int, primary key (book_id, author_id));
create table review (id bigint primary key, book_id bigint references book, reviewer text, stars smallint, body text, created_at timestamptz);
create table tag (id int primary key, name text);
create table book_tag (book_id bigint references book, tag_id int references tag, primary key (book_id, tag_id));
create table edition (id bigint primary key, book_id bigint references book, format text, pages int, isbn uuid);
create table printing (id bigint primary key, edition_id bigint references edition, no int, copies int, printed date);
create function words(seed bigint, low int, high int) returns text language sql immutable return
    left(repeat(md5(seed::text) || E' a quote \' or ", a line\n and ünï\\cödé – ' || seed, 12), low + (hashint8(seed) & 2147483647) % (high - low));
