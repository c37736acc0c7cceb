create table country (id int primary key, code varchar(2) not null);
create table publisher (id int primary key, name varchar(200) not null, country_id int references country);
create table book (
    id bigint primary key, title text not null, subtitle text, price_cents int, published_on date, deleted_at timestamptz,
    publisher_id int references publisher
);
create table author (id bigint primary key, name text not null);
create table book_author (
    book_id bigint references book on delete cascade, author_id bigint references author, position int, role varchar(40),
    primary key (book_id, author_id)
);
create table tag (id int primary key, name text not null unique);
create table book_tag (book_id bigint references book on delete cascade, tag_id int references tag, primary key (book_id, tag_id));
create table review (
    id bigint primary key, book_id bigint not null references book on delete cascade, stars smallint not null, body text,
    spam boolean not null default false, created_at timestamptz not null
);
create index on publisher (country_id);
create index on book (publisher_id);
create index on book_author (author_id);
create index on book_tag (tag_id);
create index on review (book_id);
