import { PasswordInput, type PasswordInputProps } from '@mantine/core';
import { useConfig } from '../api/config.ts';

/** A field for a new password, which tells the rules before anybody breaks one. */
export function NewPasswordInput(props: PasswordInputProps) {
  const { passwordMinLength } = useConfig();
  return (
    <PasswordInput
      autoComplete="new-password"
      required
      withAsterisk={false}
      description={
        `At least ${passwordMinLength} characters of any kind; a few random words do well. ` +
        'Not a common password, nor your username with little added.'
      }
      inputWrapperOrder={['label', 'description', 'input', 'error']}
      {...props}
    />
  );
}
