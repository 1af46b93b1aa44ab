import { Badge, Group, Text } from '@mantine/core';

/** Names of roles or private areas; `none` is said where there are none. */
export function Names({ names, none }: { names: readonly string[]; none: string }) {
  if (names.length === 0) return <Text size="sm">{none}</Text>;
  return (
    <Group gap={6}>
      {names.map((name) => (
        <Badge key={name} variant="default" tt="none">
          {name}
        </Badge>
      ))}
    </Group>
  );
}
