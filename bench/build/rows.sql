insert into country select g, 'C' || g, 'Country ' || g from generate_series(1, 60) g;
insert into publisher select g, 'Publisher ' || words(g, 10, 30), '1900-01-01'::date + g, g % 60 + 1 from generate_series(1, greatest(:books / 150, 10)) g;
insert into author select g, 'Author ' || words(g, 10, 30), '1920-01-01'::date + g % 20000, words(g, 200, 500) from generate_series(1, greatest(:books / 6, 20)) g;
insert into book select g, '978' || g, words(g, 20, 80), words(g + 1, 300, 800), g % 10000 / 100.0, g % 900, sqrt(g), '1950-01-01'::date + (g % 25000)::int,
    '2020-01-01 00:00:00.123456+00'::timestamptz + g * interval '7 minutes', g % 3 > 0, g % greatest(:books / 150, 10) + 1 from generate_series(1, :books) g;
insert into book_author select g, (g * 7 + k * 13) % greatest(:books / 6, 20) + 1, k from generate_series(1, :books) g, generate_series(0, 1) k on conflict do nothing;
insert into review select g, g % :books + 1, 'Reviewer ' || g % 5000, g % 5 + 1, words(g, 200, 700), '2021-05-01 12:00:00+00'::timestamptz + g * interval '3 seconds 1 microsecond'
    from generate_series(1, :books * 5) g;
insert into tag select g, 'tag ' || g from generate_series(1, 500) g;
insert into book_tag select g, (g * 3 + k * 17) % 500 + 1 from generate_series(1, :books) g, generate_series(0, 3) k where (g + k) % 6 > 0 on conflict do nothing;
insert into edition select g, g % :books + 1, (array['hard', 'paper', 'audio'])[g % 3 + 1], g % 900, md5(g::text)::uuid from generate_series(1, :books * 4 / 3) g;
insert into printing select g, g % (:books * 4 / 3) + 1, g % 9, g % 30000, '1990-01-01'::date + (g % 9000)::int from generate_series(1, :books * 5 / 3) g;
create index on book_author (author_id); create index on review (book_id); create index on edition (book_id); create index on printing (edition_id);
create index on book (publisher_id); create index on publisher (country_id); create index on book_tag (tag_id);
vacuum analyze;
