import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { api } from '../api/client.ts';

/** A page of where somebody is logged in. */
export const sessionsQuery = (cursor: string | undefined) =>
  queryOptions({
    queryKey: ['sessions', cursor],
    queryFn: () => api.GET('/v1/sessions', { params: { query: { cursor } } }),
    placeholderData: keepPreviousData,
  });

/** A page of one's own apitokens. */
export const apitokensQuery = (cursor: string | undefined) =>
  queryOptions({
    queryKey: ['apitokens', cursor],
    queryFn: () => api.GET('/v1/users/me/apitokens', { params: { query: { cursor } } }),
    placeholderData: keepPreviousData,
  });
