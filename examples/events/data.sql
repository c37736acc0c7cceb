insert into venue values (1, 'Boathouse', 'Hamburg', 53.54, 9.98, 120), (2, 'Somewhere', null, null, null, null);
insert into series values (1, 'Harbour nights');
insert into event values
    (1, 'Shanties', 1, 1, '[2024-06-01 20:00+02,2024-06-01 23:00+02)', false, 12, null, '{de,en}'),
    (2, 'Puppets', 2, 1, '[2024-06-02 15:00+02,2024-06-02 16:00+02)', false, 4, 8, '{de}'),
    (3, 'Rained off', 1, null, '[2024-06-03 15:00+02,)', true, null, null, '{}');
insert into ticket_class values (1, 1, 'standing', 12.00, '[2024-03-01,2024-06-02)'), (2, 1, 'seated', 18.50, '[2024-03-01,2024-06-02)'), (3, 2, 'child', 4.00, null);
