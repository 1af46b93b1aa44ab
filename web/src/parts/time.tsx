const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const DAY = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });
const MOMENT = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

/** The largest unit that is reached is told; in seconds. */
const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** Beyond a month the date says more. */
const RELATIVE_UP_TO_DAYS = 30;

interface TimeProps {
  /** RFC 3339, as the API says all times. */
  readonly at: string;
}

/** How long ago, or how long until; the moment itself is told on hovering. */
export function TimeAgo({ at }: TimeProps) {
  const moment = new Date(at);
  return (
    <time dateTime={at} title={MOMENT.format(moment)}>
      {distance(moment, new Date())}
    </time>
  );
}

/** Day and time in the reader's own time zone. */
export function Moment({ at }: TimeProps) {
  return <time dateTime={at}>{MOMENT.format(new Date(at))}</time>;
}

function distance(moment: Date, now: Date): string {
  const seconds = Math.round((moment.getTime() - now.getTime()) / 1000);
  const size = Math.abs(seconds);
  if (size > RELATIVE_UP_TO_DAYS * 86_400) return DAY.format(moment);
  for (const [unit, length] of UNITS) {
    if (size >= length) return RELATIVE.format(Math.trunc(seconds / length), unit);
  }
  return seconds > 0 ? 'in a moment' : 'just now';
}
