import { useForm, type FormErrors, type UseFormReturnType } from '@mantine/form';
import { useMutation } from '@tanstack/react-query';
import { ProblemError } from 'postern-client';
import type { SyntheticEvent } from 'react';

interface ProblemFormOptions<Values, Answer> {
  /** Their keys are the names that the API gives its fields. */
  readonly initialValues: Values;
  /** Calls the API; what it throws is shown. */
  readonly send: (values: Values) => Promise<Answer>;
  /** After a success; the form is as it was at first. */
  readonly onDone?: (answer: Answer, values: Values) => Promise<void> | void;
}

/** A form whose fields show what the API said of them. */
export interface ProblemForm<Values extends Record<string, unknown>> {
  readonly form: UseFormReturnType<Values>;
  /** For `<ProblemAlert>`: what is wrong beside the fields. */
  readonly error: Error | null;
  /** The fields, which show their errors themselves. */
  readonly fields: readonly string[];
  readonly sending: boolean;
  readonly onSubmit: (event?: SyntheticEvent<HTMLFormElement>) => void;
}

/** Brings `errors[]` of a refusal to the form's fields; the first that is wrong is focused. */
export function useProblemForm<Values extends Record<string, unknown>, Answer = unknown>({
  initialValues,
  send,
  onDone,
}: ProblemFormOptions<Values, Answer>): ProblemForm<Values> {
  const form = useForm<Values>({ mode: 'uncontrolled', initialValues });
  const mutation = useMutation({
    mutationFn: send,
    onSuccess: async (answer, values) => {
      form.reset();
      await onDone?.(answer, values);
    },
    onError: (error) => showIn(form, errorsOf(error)),
  });
  return {
    form,
    error: mutation.error,
    fields: Object.keys(initialValues),
    sending: mutation.isPending,
    onSubmit: form.onSubmit((values) => mutation.mutate(values)),
  };
}

function errorsOf(error: Error): FormErrors {
  const errors = error instanceof ProblemError ? (error.errors ?? []) : [];
  return Object.fromEntries(errors.map(({ field, message }) => [field, sentence(message)]));
}

function showIn<Values extends Record<string, unknown>>(form: UseFormReturnType<Values>, errors: FormErrors): void {
  form.setErrors(errors);
  const first = Object.keys(form.getValues()).find((field) => errors[field] !== undefined);
  if (first !== undefined) form.getInputNode(first)?.focus();
}

/** The API's `is required` stands behind a name; under a field it begins the line. */
function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}`;
}
