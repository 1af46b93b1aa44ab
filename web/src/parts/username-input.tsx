import { TextInput, type TextInputProps } from '@mantine/core';

/** A field for a username, which no keyboard corrects or begins with a capital. */
export function UsernameInput(props: TextInputProps) {
  return (
    <TextInput
      label="Username"
      autoComplete="username"
      autoCapitalize="none"
      spellCheck={false}
      required
      withAsterisk={false}
      {...props}
    />
  );
}
