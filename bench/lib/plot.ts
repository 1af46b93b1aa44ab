interface Bar {
  readonly label: string;
  readonly value: number;
  readonly ours: boolean;
}

const ROW = 26;
const LABELS = 330;
const WIDTH = 900;

/** Horizontal bars on a logarithmic axis, as an SVG that needs no other file and reads on light and dark. */
export function barsOf(title: string, unit: string, bars: readonly Bar[]): string {
  const largest = Math.max(...bars.map(({ value }) => value));
  const smallest = Math.min(...bars.map(({ value }) => value)) / 2;
  const lengthOf = (value: number) =>
    (Math.log(value / smallest) / Math.log(largest / smallest)) * (WIDTH - LABELS - 110);
  const rows = bars.map(({ label, value, ours }, at) => {
    const y = 50 + at * ROW;
    const length = lengthOf(value).toFixed(1);
    return [
      `<text x="${LABELS - 10}" y="${y + 15}" text-anchor="end">${escape(label)}</text>`,
      `<rect x="${LABELS}" y="${y}" width="${length}" height="${ROW - 6}" rx="2" fill="${ours ? '#2f7d4f' : '#8a94a3'}"/>`,
      `<text x="${LABELS + Number(length) + 8}" y="${y + 15}">${value.toFixed(0)} ${unit}</text>`,
    ].join('');
  });
  const height = 60 + bars.length * ROW;
  const style = 'text{font:14px system-ui,sans-serif;fill:#6b7480}';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}"><style>${style}</style><text x="10" y="26" font-weight="bold">${escape(title)}</text>${rows.join('')}</svg>\n`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
