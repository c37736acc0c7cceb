insert into country values (1, 'de'), (2, 'gb');
insert into publisher values (1, 'Harbour Press', 1), (2, 'Night Shift', 2);
insert into book values
    (1, 'High Water', 'A history of tides', 1250, '2020-05-01', null, 1),
    (2, 'Low Water', null, 990, '2021-09-01', null, 2),
    (3, 'Withdrawn', null, 500, '2019-01-01', '2022-01-01', 2);
insert into author values (1, 'Ann Alder'), (2, 'Bo Birk');
insert into book_author values (1, 2, 1, 'author'), (1, 1, 2, 'illustrator'), (2, 1, 1, 'author');
insert into tag values (1, 'history'), (2, 'sea');
insert into book_tag values (1, 2), (1, 1), (2, 2);
insert into review values
    (1, 1, 5, 'Could not put it down.', false, '2024-02-01 12:00+00'),
    (2, 1, 4, 'A little wet.', false, '2024-03-01 12:00+00'),
    (3, 1, 1, 'Cheap pills!', true, '2024-04-01 12:00+00');
