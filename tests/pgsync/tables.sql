-- A bookshop.
create table house (id int primary key, name varchar(80) not null, country char(2), active boolean);
create table book (isbn text primary key, house_id int references house, title text, blurb text, pages int,
    price numeric(8, 2), out_on date, tags text[], extra jsonb, cover bytea, mood text);
create index on book (house_id);
create table writer (id int primary key, name text not null, born date);
create table book_writer (isbn text references book, writer_id int references writer, primary key (isbn, writer_id));
create index on book_writer (writer_id);
create table shelf (id int primary key, name text);
create table book_shelf (isbn text references book, shelf_id int references shelf, primary key (isbn, shelf_id));
create index on book_shelf (shelf_id);
create table rating (id int primary key, isbn text references book, stars smallint, unique (isbn));
create table loan (isbn text references book, number int, day date, primary key (isbn, number));

-- Rooms to let.
create table nation (id int primary key, name text);
create table town (id int primary key, name text, nation_id int references nation);
create table landlord (id int primary key, email text unique);
create table flat (id int primary key, street text, town_id int references town, landlord_id int references landlord, at point);
create table guest (id int primary key, name text);
create table stay (id int primary key, guest_id int references guest, flat_id int references flat, came date, went date, night numeric);
create index on stay (guest_id);

-- People who know one another.
create schema forum;
create table forum.person (id uuid primary key, nick text, age smallint, mentor_id uuid references forum.person, home int references town);
create index on forum.person (mentor_id);
create table forum.post (id int primary key, slug text, title text);
create table forum.person_post (person_id uuid references forum.person, post_id int references forum.post, primary key (person_id, post_id));
create index on forum.person_post (post_id);
create table forum.follows (follower uuid references forum.person, followed uuid references forum.person, primary key (follower, followed));
create index on forum.follows (followed);

-- Devices and what they report.
create table device (id bigint primary key, serial text not null, report jsonb, raw json, seen timestamptz, labels text[]);
create table event (id bigint primary key, device_id bigint references device, payload jsonb, level int);
create index on event (device_id);

-- Views.
create view house_card as select id, name || ' (' || country || ')' as card, active from house;
create view book_card as select b.isbn, b.title, b.house_id, h.name as house from book b join house h on h.id = b.house_id;
create view town_card as select t.id, t.name, n.name as nation from town t join nation n on n.id = t.nation_id;
create view book_stars as select isbn, avg(stars) as mean from rating group by isbn;
