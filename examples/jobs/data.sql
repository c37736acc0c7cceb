insert into company values (1, 'Tidal Works', 'https://tidal.example', false), (2, 'Gone Under', null, true);
insert into place values (1, 'Hamburg', 'de', 53.55, 9.99), (2, 'Lyon', 'fr', 45.76, 4.84), (3, 'Anywhere', 'eu', null, null);
insert into skill values (1, 'Rust'), (2, 'SQL'), (3, 'Sailing');
insert into job values
    ('00000000-0000-0000-0000-000000000001', 1, 'Database engineer', 'You keep what is written.', 'open', '[60000,80001)', true, '2024-05-01 08:00+02', '2999-01-01 00:00+00'),
    ('00000000-0000-0000-0000-000000000002', 1, 'Boat builder', null, 'draft', null, false, null, null),
    ('00000000-0000-0000-0000-000000000003', 2, 'Diver', null, 'open', '[40000,)', false, '2024-05-02 08:00+02', null),
    ('00000000-0000-0000-0000-000000000004', 1, 'Lighthouse keeper', null, 'open', null, false, '2024-05-01 08:00+02', '2024-06-01 08:00+02');
insert into job_place select '00000000-0000-0000-0000-000000000001', id from place;
insert into job_skill values
    ('00000000-0000-0000-0000-000000000001', 1, true), ('00000000-0000-0000-0000-000000000001', 2, true), ('00000000-0000-0000-0000-000000000001', 3, false);
