create table venue (id int primary key, name text not null, town varchar(100), latitude double precision, longitude double precision, seats int);
create table series (id int primary key, name varchar(100) not null);
create table event (
    id int primary key, name text not null, venue_id int references venue, series_id int references series,
    during tstzrange not null, cancelled boolean not null default false, age_from int, age_to int, languages varchar(8)[] not null default '{}'
);
create table ticket_class (id int primary key, event_id int not null references event on delete cascade, name varchar(100) not null, price numeric(8, 2) not null, on_sale daterange);
create index on event (venue_id);
create index on event (series_id);
create index on ticket_class (event_id);
