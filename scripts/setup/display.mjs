// Shows a step while it runs: a live line on a terminal, a line at the start and one at the end elsewhere.

const REDRAW_MS = 100;

/** @param {number} milliseconds */
export function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/**
 * Cuts a text to a terminal's width.
 *
 * @param {string} text
 * @param {number} width
 */
export function cutTo(text, width) {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/**
 * @param {string} title
 * @param {NodeJS.WriteStream} stream
 */
export function showStep(title, stream) {
  const began = performance.now();
  const live = stream.isTTY === true;
  let detail = '';
  const draw = () => {
    const line = `${title}  ${seconds(performance.now() - began)}  ${detail}`;
    stream.write(`\r\x1b[2K${cutTo(line, (stream.columns || 80) - 1)}`);
  };
  if (!live) stream.write(`${title} …\n`);
  const timer = live ? setInterval(draw, REDRAW_MS) : undefined;
  if (live) draw();

  /** @param {string} outcome */
  const end = (outcome) => {
    clearInterval(timer);
    stream.write(
      `${live ? '\r\x1b[2K' : ''}${title}: ${outcome} after ${seconds(performance.now() - began)}\n`,
    );
  };
  return {
    /** @param {string} line what the tool says it does */
    detail: (line) => {
      detail = line;
    },
    done: () => end('done'),
    failed: () => end('failed'),
    stopped: () => end('stopped'),
  };
}
