-- The tables that the examples of the documentation are about, and the rows of which their documents are made.
create table country (id int primary key, code text not null, name text not null);
create table publisher (id int primary key, name text not null, street text, town text, latitude float8, longitude float8,
    opens_at int, closes_at int, country_id int references country);
create table category (id int primary key, parent_id int references category, name text not null);
create table person (id int primary key, name text not null);
create table book (id bigint primary key, title text not null, price_cents int, published_on date, deleted_at timestamptz, extra jsonb,
    latitude float8, longitude float8, publisher_id int references publisher, category_id int references category);
create table author (id bigint primary key, name text not null, deleted_at timestamptz);
create table book_author (book_id bigint references book, author_id bigint references author, position int, role text, primary key (book_id, author_id));
create table tag (id int primary key, name text not null);
create table book_tag (book_id bigint references book, tag_id int references tag, primary key (book_id, tag_id));
create table review (id bigint primary key, book_id bigint not null references book, person_id int references person, stars smallint, body text,
    spam boolean not null default false, created_at timestamptz not null);
create table edition (id bigint primary key, book_id bigint not null references book, cover text, year smallint);
create table printing (id bigint primary key, edition_id bigint not null references edition, price numeric(8, 2), run int);
create view offer as
    select b.id, b.publisher_id, b.title, min(p.price) as lowest
    from book b join edition e on e.book_id = b.id join printing p on p.edition_id = e.id
    where b.deleted_at is null
    group by b.id;
create table attribute (id int primary key, code text not null unique);
create table attr_value (id int primary key, book_id bigint references book, attribute_id int references attribute, val text);
create table translation (id int primary key, book_id bigint references book, language text, title text, since date);
create table section (id int primary key, title text not null);
create table xref (section_id int references section, target_section_id int references section, primary key (section_id, target_section_id));
create table post (id int primary key, title text, person_id int references person);
create table product (id int primary key, name text, hidden boolean not null default false);
create table note (id int primary key, body text, commentable_type text, commentable_id text);
create table article (id int primary key, title text, publish_at timestamptz, expires_at timestamptz);
create table discount (id int primary key, article_id int references article, price int, ends_at timestamptz);
create table orders (id int primary key, tenant_id int not null, note text);

insert into country values (1, 'de', 'Germany'), (2, 'fr', 'France');
insert into publisher values (1, 'Harbour Press', 'Pier 7', 'Hamburg', 53.5, 9.97, 9, 17, 1), (2, 'Night Shift', null, 'Lyon', 45.76, null, null, null, 2);
insert into category values (3, null, 'Books'), (2, 3, 'Fiction'), (1, 2, 'Sea stories');
insert into person values (1, 'Ida'), (2, 'Noor');
insert into book values
    (1, 'High Water', 1250, '2020-05-01', null, '{"sizes": [{"height": 20.50}], "isbn": "123"}', 53.5, 9.97, 1, 1),
    (2, 'Low Water', 990, '2021-09-01', null, null, null, null, 2, 1);
insert into author values (1, 'Ann', null), (2, 'Bo', null), (3, 'Gone', '2024-01-01');
insert into book_author values (1, 2, 1, 'writer'), (1, 1, 2, 'editor'), (1, 3, 3, 'writer');
insert into tag values (1, 'sea'), (2, 'novel');
insert into book_tag values (1, 1), (1, 2);
insert into review values (1, 1, 1, 5, 'Reads well.', false, '2024-02-01 12:00+00'), (2, 1, 2, 4, 'Wet.', false, '2024-03-01 12:00+00'),
    (3, 1, 2, 4, 'Again.', false, '2024-01-01 12:00+00'), (4, 1, null, 1, 'Buy pills.', true, '2024-04-01 12:00+00');
insert into edition values (1, 1, 'hard', 2020), (2, 1, 'paper', 2021), (3, 1, 'paper', 2021);
insert into printing values (1, 1, 24.90, 3000), (2, 2, 12.50, 5000), (3, 2, 11.00, 2000);
insert into attribute values (1, 'colour'), (2, 'size');
insert into attr_value values (1, 1, 1, 'red'), (2, 1, 2, 'L');
insert into translation values (1, 1, 'de', 'Hochwasser', '2021-01-01'), (2, 1, 'fr', 'Marée haute', '2022-01-01'), (3, 1, 'de', 'Flut', '2020-01-01');
insert into section values (1, 'Tides'), (2, 'Moon'), (3, 'Wind');
insert into xref values (2, 1), (3, 1);
insert into post values (3, 'On tides', 1);
insert into product values (3, 'Tide table', false);
insert into note values (1, 'Nice', 'Post', '3'), (2, 'Useful', 'Product', '3');
insert into article values (1, 'On tides', '2024-01-01', null), (2, 'On ships', '2999-01-01', null);
insert into discount values (1, 1, 5, '2024-02-01'), (2, 1, 3, '2999-01-01');
insert into orders values (1, 1, 'By boat');
