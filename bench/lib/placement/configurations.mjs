// What is compared: each option beside none, in the same round.

const ordinary = { realtime: 0 };

/**
 * Where the two sides run. `place`: what each asks for, of CPU numbers 0 and 1 of those that there are;
 * `busy`: a program beside them wants a CPU all the time;
 * `crowded`: they wait for each other's turn.
 */
export const threads = [
  { name: 'where the system puts them', place: [ordinary, ordinary] },
  {
    name: 'a CPU each',
    place: [
      { cpus: [0], ...ordinary },
      { cpus: [1], ...ordinary },
    ],
  },
  {
    name: 'a CPU each, consumer real-time',
    place: [
      { cpus: [0], ...ordinary },
      { cpus: [1], realtime: 10 },
    ],
  },
  {
    name: 'both on one CPU',
    crowded: true,
    place: [
      { cpus: [0], ...ordinary },
      { cpus: [0], ...ordinary },
    ],
  },
  { name: 'where the system puts them, a busy program beside', place: [ordinary, ordinary], busy: true },
  {
    name: 'a CPU each, a busy program beside',
    place: [
      { cpus: [0], ...ordinary },
      { cpus: [1], ...ordinary },
    ],
    busy: true,
  },
  {
    name: 'a CPU each, both real-time, a busy program beside',
    place: [
      { cpus: [0], realtime: 10 },
      { cpus: [1], realtime: 10 },
    ],
    busy: true,
  },
];

/** The records of that comparison: of so many that the kernel's gaps for ordinary threads weigh what they do. */
export const threadRun = { size: 64, batch: 1, jsRecords: 4_000_000 };

/** A consumer that sleeps until a record comes, on a CPU of its own or one where a program is always busy. */
export const sleepers = [
  { name: 'ordinary', realtime: 0, busy: false },
  { name: 'real-time', realtime: 10, busy: false },
  { name: 'ordinary, a busy program on its CPU', realtime: 0, busy: true },
  { name: 'real-time, a busy program on its CPU', realtime: 10, busy: true },
];

export const sleeperRun = { wakes: 300, warmUp: 500, pauseMicros: 2000 };

const MIB = 1 << 20;

/** First passes over a fresh ring. */
export const first = {
  capacity: 64 * MIB,
  passes: 1,
  sizes: [64, 1024],
  variants: [
    { name: 'as it comes', options: {} },
    { name: 'prefault', options: { prefault: true } },
    { name: 'hugePages', options: { hugePages: true } },
    { name: 'prefault, hugePages', options: { prefault: true, hugePages: true } },
  ],
};

/** Later passes over a ring much larger than any cache. `hugetlbfs`: in the directory named by --hugetlbfs. */
export const later = {
  capacity: 256 * MIB,
  passes: 4,
  sizes: [64, 1024],
  variants: [
    { name: 'pages of 4 KiB', options: { prefault: true } },
    { name: 'hugePages', options: { prefault: true, hugePages: true } },
    { name: 'hugetlbfs', options: { prefault: true }, hugetlbfs: true },
  ],
};

/** Two processes with such a ring: from empty to empty, more than three times round. */
export const between = [
  { size: 64, batch: 1, jsRecords: 6_000_000 },
  { size: 1024, batch: 1, jsRecords: 500_000 },
];
