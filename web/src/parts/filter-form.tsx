import { Button, Group } from '@mantine/core';
import { useEffect, useRef, type ReactNode, type SyntheticEvent } from 'react';

interface FilterFormProps {
  /** What is listed, for those who do not see it: "Filter users". */
  readonly label: string;
  /** Fields with a `name`, without a value of their own. */
  readonly children: ReactNode;
  /** What the list is narrowed down by, by the fields' names. */
  readonly values: Readonly<Record<string, string | undefined>>;
  /** What was filled in; empty fields are left out. */
  readonly onFilter: (values: Readonly<Record<string, string>>) => void;
  readonly busy?: boolean;
}

/** Narrows a list down. The page keeps what is chosen in its URL, and the fields follow it. */
export function FilterForm({ label, children, values, onFilter, busy }: FilterFormProps) {
  const form = useRef<HTMLFormElement>(null);
  const chosen = JSON.stringify(values);
  // The fields stay the same ones, or the keyboard would lose its place with every filter.
  useEffect(() => fillIn(form.current!, JSON.parse(chosen) as Record<string, string>), [chosen]);
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    onFilter(valuesOf(event.currentTarget));
  };
  const clear = () => {
    fillIn(form.current!, {});
    onFilter({});
  };
  return (
    <form ref={form} role="search" aria-label={label} onSubmit={submit}>
      <Group align="flex-end" gap="sm">
        {children}
        <Group gap="sm">
          <Button type="submit" loading={busy}>
            Apply
          </Button>
          <Button variant="default" onClick={clear}>
            Clear
          </Button>
        </Group>
      </Group>
    </form>
  );
}

function fillIn(form: HTMLFormElement, values: Readonly<Record<string, string>>): void {
  for (const field of form.querySelectorAll<HTMLInputElement | HTMLSelectElement>('[name]')) {
    field.value = values[field.name] ?? '';
  }
}

function valuesOf(form: HTMLFormElement): Record<string, string> {
  const texts = [...new FormData(form)].map(([name, value]) => [name, typeof value === 'string' ? value.trim() : '']);
  return Object.fromEntries(texts.filter(([, value]) => value !== '')) as Record<string, string>;
}
