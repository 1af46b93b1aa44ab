import { queryOptions, useSuspenseQuery } from '@tanstack/react-query';
import { plainApi, type Schemas } from './client.ts';

/** What this installation allows; it does not change while the service runs. */
export const configQuery = queryOptions({
  queryKey: ['config'],
  queryFn: () => plainApi.GET('/v1/config'),
  staleTime: Infinity,
});

/** For pages whose route loads it first. */
export function useConfig(): Schemas['PublicConfig'] {
  return useSuspenseQuery(configQuery).data;
}
