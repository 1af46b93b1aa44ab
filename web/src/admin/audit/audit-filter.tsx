import { NativeSelect, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { FilterForm } from '../../parts/filter-form.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { usernameQuery } from '../queries.ts';
import { localTime, readAuditSearch, type AuditSearch } from './audit-search.ts';
import { AUDIT_WORDS } from './audit-words.ts';
import { findUserid, TooManyError } from './find-userid.ts';

const ACTIONS = Object.entries(AUDIT_WORDS).map(([value, label]) => ({ value, label }));

/** Nobody has the name that was typed. */
class NobodyError extends Error {}

interface AuditFilterProps {
  readonly search: AuditSearch;
  readonly onFilter: (search: AuditSearch) => void;
}

/** Who, what and when. */
export function AuditFilter({ search, onFilter }: AuditFilterProps) {
  const finding = useMutation({ mutationFn: searchOf });
  const wrongName = wordsFor(finding.error);
  const who = useWho(search.userid);
  return (
    <>
      <FilterForm
        label="Filter the audit log"
        values={{ who, action: search.action, since: localTime(search.since), until: localTime(search.until) }}
        busy={finding.isPending}
        // Told to this call, which is forgotten where another one or another page has come since.
        onFilter={(values) => finding.mutate(values, { onSuccess: onFilter })}
      >
        <TextInput
          label="Who"
          placeholder="Username or userid"
          name="who"
          error={wrongName}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
        />
        <NativeSelect label="What" name="action" data={[{ value: '', label: 'Anything' }, ...ACTIONS]} />
        <TextInput label="From" type="datetime-local" name="since" />
        <TextInput label="Before" type="datetime-local" name="until" />
      </FilterForm>
      {wrongName === undefined && <ProblemAlert error={finding.error} />}
    </>
  );
}

/** What the field itself says; undefined for what is not about the name. */
function wordsFor(error: Error | null): string | undefined {
  if (error instanceof NobodyError) return 'Nobody has this name. A deleted account: give its userid.';
  return error instanceof TooManyError ? 'Too many names begin so: give the userid.' : undefined;
}

/** What stands in the field: the name where there is one. */
function useWho(userid: string | undefined): string {
  const { data } = useQuery({ ...usernameQuery(userid ?? ''), enabled: userid !== undefined });
  return data ?? userid ?? '';
}

async function searchOf({ who, ...others }: Readonly<Record<string, string>>): Promise<AuditSearch> {
  if (who === undefined) return readAuditSearch(others);
  const userid = await findUserid(who);
  if (userid === null) throw new NobodyError();
  return readAuditSearch({ ...others, userid });
}
