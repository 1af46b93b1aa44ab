/** How much of a text cannot be foretold from the rest of it: runs and repetitions. Texts are folded before. */

/** Ways along a keyboard, or the alphabet; each counts in both directions, and round its end. */
const PATHS = [
  'abcdefghijklmnopqrstuvwxyz',
  '1234567890',
  '`1234567890-=',
  '!@#$%^&*()_+',
  // Rows: US, German, French, Russian.
  'qwertyuiop[]',
  'asdfghjkl;',
  'zxcvbnm,./',
  'qwertzuiop',
  'yxcvbnm',
  'azertyuiop',
  'qsdfghjklm',
  'йцукенгшщзхъ',
  'фывапролджэ',
  'ячсмитьбю',
  // Columns and zigzags.
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/',
  '1qazxsw23edcvfr45tgbnhy67ujm',
  'qazwsxedcrfvtgbyhnujmikolp',
  'qawsedrftgyhujikolp',
  '1q2w3e4r5t6y7u8i9o0p',
  'q1w2e3r4t5y6u7i8o9p0',
  '1qa2ws3ed4rf5tg6yh7uj8ik9ol0p',
];

const BOTH_WAYS = PATHS.flatMap((path) => [path, reverse(path)]).map((path) => path + path);
const SHORTEST_RUN = 3;
/** Where a run begins and which it is, roughly: two characters' worth. */
const WEIGHT_OF_RUN = 2;

/** The text backwards, by code points. */
export function reverse(text: string): string {
  return [...text].reverse().join('');
}

/**
 * The length of the text in code points, where a run of three or more (aaaa, 1234, dcba, qwerty, 1qaz2wsx) counts two
 * however long it is; with doubled characters (aabbcc) taken as single ones if that gives less.
 */
export function weight(text: string): number {
  const points = [...text];
  return Math.min(weightOf(points), weightOf(points.filter((point, i) => point !== points[i - 1])));
}

/**
 * The shortest part that the text consists of when it is written again and again, at least twice, the last time
 * perhaps cut; null where there is none.
 */
export function repeatedPart(text: string): string | null {
  const points = [...text];
  for (let length = 1; length * 2 <= points.length; length += 1) {
    if (points.every((point, i) => i < length || point === points[i - length])) return points.slice(0, length).join('');
  }
  return null;
}

function weightOf(points: readonly string[]): number {
  let total = 0;
  for (let i = 0; i < points.length;) {
    const run = runFrom(points, i);
    total += run >= SHORTEST_RUN ? WEIGHT_OF_RUN : 1;
    i += run >= SHORTEST_RUN ? run : 1;
  }
  return total;
}

/** Length of the longest run that begins at `start`. */
function runFrom(points: readonly string[], start: number): number {
  let same = 1;
  while (points[start + same] === points[start]) same += 1;
  let along = same;
  while (start + along < points.length && isOnPath(points.slice(start, start + along + 1).join(''))) along += 1;
  return Math.max(same, along);
}

function isOnPath(text: string): boolean {
  return BOTH_WAYS.some((path) => path.includes(text));
}
