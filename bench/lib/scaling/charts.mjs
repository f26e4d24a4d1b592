// The figures of scaling as charts: logarithmic axes, shmring solid beside the native rings dashed.
import { init } from 'echarts';
import { CAPACITY } from '../configurations.mjs';
import { median, regime } from '../figures.mjs';
import { CAPACITY_OF_SIZES } from './configurations.mjs';
import { bytes, summariseScaling, throughput } from './summary.mjs';

const [WIDTH, HEIGHT] = [860, 460];
// White also where a page is dark, since its own colours are not known to a picture.
const [PAPER, INK, PALE] = ['#ffffff', '#24292f', '#d0d7de'];
// Told apart by whoever sees some colours alike (Okabe and Ito); the native ring's are the same, dashed.
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7'];

/** A line of each ring for the rows of one `group`, by `value` of the row and nanoseconds. */
function lines(group, rows, colour, value) {
  const line = (name, pick, style) => ({
    name: `${name}, ${group}`,
    type: 'line',
    data: rows.filter(pick).map((row) => [row.x, Number(value(row, pick(row).median).toPrecision(4))]),
    symbol: 'circle',
    symbolSize: style.symbolSize,
    itemStyle: { color: colour },
    lineStyle: { color: colour, ...style.line },
  });
  return [
    line('shmring', (row) => row.js, { symbolSize: 7, line: { width: 2.5 } }),
    line('native', (row) => row.native, { symbolSize: 4, line: { width: 1.5, type: 'dashed' } }),
  ];
}

const axis = (name, formatter, more) => ({
  type: 'log',
  name,
  nameLocation: 'middle',
  nameTextStyle: { color: INK, fontSize: 13 },
  axisLabel: { color: INK, fontSize: 12, formatter, hideOverlap: true },
  axisLine: { show: true, lineStyle: { color: INK } },
  splitLine: { lineStyle: { color: PALE } },
  ...more,
});

function draw({ title, subtitle, x, y, series }) {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({
    animation: false,
    backgroundColor: PAPER,
    title: {
      text: title,
      subtext: subtitle,
      left: 16,
      top: 10,
      textStyle: { color: INK, fontSize: 17 },
      subtextStyle: { color: INK, fontSize: 12 },
    },
    legend: { top: 62, left: 16, itemWidth: 40, itemGap: 28, textStyle: { color: INK, fontSize: 12 } },
    grid: { left: 76, right: 36, top: 100, bottom: 56 },
    xAxis: axis(x.name, x.label, { nameGap: 32, ...x.more }),
    yAxis: axis(y.name, y.label, { nameGap: 52, ...y.more }),
    series,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

const SIZES = [64, 1024];
const KINDS = ['spsc', 'mpsc'];
const nanoseconds = { name: 'ns a record', more: { logBase: 2, splitNumber: 10 } };

function capacityChart(rows, kind, subtitle) {
  const series = SIZES.flatMap((size, i) =>
    lines(
      bytes(size),
      rows.filter((row) => row.kind === kind && row.size === size),
      COLOURS[i],
      (_, ns) => ns,
    ),
  );
  const x = { name: 'capacity of the ring', label: bytes, more: { logBase: 4, splitNumber: 10 } };
  return draw({ title: `A record's cost as the ring grows: ${kind}`, subtitle, x, y: nanoseconds, series });
}

function producersChart(rows, subtitle) {
  const series = SIZES.flatMap((size, i) =>
    lines(
      bytes(size),
      rows.filter((row) => row.size === size),
      COLOURS[i],
      (_, ns) => ns,
    ),
  );
  const x = { name: 'producers, a process each', label: String, more: { logBase: 2, splitNumber: 6 } };
  const y = { ...nanoseconds, name: 'ns a record, over all producers' };
  const title = `A record's cost as producers grow: mpsc, ring of ${bytes(CAPACITY)}`;
  return draw({ title, subtitle, x, y, series });
}

function sizesChart(rows, subtitle, about, value, y) {
  const series = KINDS.flatMap((kind, i) =>
    lines(
      kind,
      rows.filter((row) => row.kind === kind),
      COLOURS[i],
      value,
    ),
  );
  const x = { name: 'bytes of a record', label: bytes, more: { logBase: 16 } };
  const title = `${about} as records grow, ring of ${bytes(CAPACITY_OF_SIZES)}`;
  return draw({ title, subtitle, x, y, series });
}

/** Where the cores were in most of the pairs. */
function usualRegime(pairs) {
  const count = (where) => pairs.filter(({ probes }) => regime(probes) === where).length;
  return count('near') >= count('far') ? 'near' : 'far';
}

/** The charts of one part, by the name of their file. */
const PARTS = {
  capacity: (rows, subtitle) => ({
    'capacity-spsc': capacityChart(rows, 'spsc', subtitle),
    'capacity-mpsc': capacityChart(rows, 'mpsc', subtitle),
  }),
  producers: (rows, subtitle) => ({ producers: producersChart(rows, subtitle) }),
  sizes(rows, subtitle) {
    const decades = { more: { logBase: 10 } };
    const time = { ...decades, name: 'ns a record', label: (ns) => ns.toLocaleString('en') };
    const rate = { ...decades, name: 'GB/s of payload', label: String };
    return {
      sizes: sizesChart(rows, subtitle, "A record's cost", (_, ns) => ns, time),
      throughput: sizesChart(rows, subtitle, 'Throughput', throughput, rate),
    };
  },
};

/**
 * The charts that these pairs make, SVG by the name of its file; each of the pairs of one regime,
 * `wanted` or else the one in which most of the part were.
 */
export function charts(pairs, { machine, date }, wanted) {
  const { cpus, cpu, kernel, node } = machine;
  const made = Object.entries(PARTS).map(([part, draw]) => {
    const those = pairs.filter((pair) => pair.part === part);
    const cores = wanted ?? usualRegime(those);
    const rows = summariseScaling(those, part, cores);
    if (rows.length === 0) return {};
    const probes = those.flatMap((pair) => (regime(pair.probes) === cores ? pair.probes : []));
    const where = `cores ${cores}: a line's round trip ${median(probes).toFixed(0)} ns`;
    const most = Math.max(...rows.map((row) => row.pairs));
    const what = `${where}; medians of up to ${most} pairs`;
    return draw(rows, `${date}; ${cpus} × ${cpu}, ${kernel}, Node ${node}; ${what}`);
  });
  return Object.assign({}, ...made);
}
