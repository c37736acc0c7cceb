insert into person values (1, 'Ida'), (2, 'Noor');
insert into article values (1, 'tides', 1, '2024-01-15'), (2, 'winds', 2, null);
insert into article_text values (1, 'en', 'Tides', 'The moon pulls.'), (1, 'de', 'Gezeiten', 'Der Mond zieht.'), (2, 'en', 'Winds', null);
insert into photo values (1, 'moon.jpg', 'The moon over the harbour');
insert into comment values
    (1, 2, 'Well put.', true, 'Article', 1), (2, 1, 'What a night.', true, 'Photo', 1), (3, null, 'Buy pills.', false, 'Article', 1);
