insert into tenant values (7, 'Tidal Works'), (8, 'Night Shift');
insert into member values (7, 1, 'Ida', 'ida@tidal.example'), (7, 2, 'Noor', 'noor@tidal.example'), (8, 1, 'Someone else', null);
insert into ticket values
    (7, 1, 'Pump does not start', 'open', 1, 2, '2024-05-01 08:00+00', '{"pump": {"serial": "P-100"}, "severity": 2}'),
    (8, 1, 'The same number, elsewhere', 'open', 1, null, '2024-05-01 09:00+00', null);
insert into message values
    (7, 1, 1, 1, false, 'It hums and stops.', '2024-05-01 08:01+00'), (7, 2, 1, 2, true, 'Again?', '2024-05-01 08:30+00'),
    (7, 3, 1, 2, false, 'Have you opened the valve?', '2024-05-01 08:31+00'), (8, 1, 1, 1, false, 'Hello.', '2024-05-01 09:01+00');
