import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { hasCode } from 'postern-client';
import { api } from '../api/client.ts';
import { MOST, wholeList, type PageSearch } from '../api/paging.ts';
import type { AuditSearch } from './audit/audit-search.ts';
import type { UsersSearch } from './users/users-search.ts';

export const usersQuery = (search: UsersSearch) =>
  queryOptions({
    queryKey: ['admin', 'users', search],
    queryFn: () => api.GET('/v1/users', { params: { query: search } }),
    placeholderData: keepPreviousData,
  });

export const userQuery = (userid: string) =>
  queryOptions({
    queryKey: ['admin', 'user', userid],
    queryFn: () => api.GET('/v1/users/{userid}', { params: { path: { userid } } }),
  });

/**
 * The name behind a userid, which never becomes somebody else's; null where the account was deleted, for then the API
 * has none any more.
 */
export const usernameQuery = (userid: string) =>
  queryOptions({
    queryKey: ['admin', 'username', userid],
    queryFn: () => usernameOf(userid),
    staleTime: 60_000,
  });

export const userAreasQuery = (userid: string, { cursor }: PageSearch) =>
  queryOptions({
    queryKey: ['admin', 'user', userid, 'areas', cursor],
    queryFn: () => api.GET('/v1/users/{userid}/areas', { params: { path: { userid }, query: { cursor } } }),
  });

export const userSessionsQuery = (userid: string, { cursor }: PageSearch) =>
  queryOptions({
    queryKey: ['admin', 'user', userid, 'sessions', cursor],
    queryFn: () => api.GET('/v1/users/{userid}/sessions', { params: { path: { userid }, query: { cursor } } }),
  });

export const userApitokensQuery = (userid: string, { cursor }: PageSearch) =>
  queryOptions({
    queryKey: ['admin', 'user', userid, 'apitokens', cursor],
    queryFn: () => api.GET('/v1/users/{userid}/apitokens', { params: { path: { userid }, query: { cursor } } }),
  });

/** How many an app account has signed up. */
export const signupsQuery = (userid: string) =>
  queryOptions({
    queryKey: ['admin', 'user', userid, 'signups'],
    queryFn: () => api.GET('/v1/users/{userid}/signups', { params: { path: { userid } } }),
  });

export const rolesQuery = ({ cursor }: PageSearch) =>
  queryOptions({
    queryKey: ['admin', 'roles', cursor],
    queryFn: () => api.GET('/v1/roles', { params: { query: { cursor } } }),
    placeholderData: keepPreviousData,
  });

/** All of them to choose from, a to z. */
export const roleChoicesQuery = queryOptions({
  queryKey: ['admin', 'roles', 'choices'],
  queryFn: () => wholeList((cursor) => api.GET('/v1/roles', { params: { query: { limit: MOST, cursor } } })),
});

export const areasQuery = ({ cursor }: PageSearch) =>
  queryOptions({
    queryKey: ['admin', 'areas', cursor],
    queryFn: () => api.GET('/v1/areas', { params: { query: { cursor } } }),
    placeholderData: keepPreviousData,
  });

export const areaQuery = (name: string) =>
  queryOptions({
    queryKey: ['admin', 'area', name],
    queryFn: () => api.GET('/v1/areas/{name}', { params: { path: { name } } }),
  });

/** Who may enter by username. */
export const areaUsernamesQuery = (name: string, { cursor }: PageSearch) =>
  queryOptions({
    queryKey: ['admin', 'area', name, 'usernames', cursor],
    queryFn: () => api.GET('/v1/areas/{name}/usernames', { params: { path: { name }, query: { cursor } } }),
  });

export const auditQuery = (search: AuditSearch & { readonly limit?: number }) =>
  queryOptions({
    queryKey: ['admin', 'audit', search],
    queryFn: () => api.GET('/v1/audit', { params: { query: search } }),
  });

async function usernameOf(userid: string): Promise<string | null> {
  try {
    return (await api.GET('/v1/users/{userid}', { params: { path: { userid } } })).username;
  } catch (error) {
    if (hasCode(error, 'not_found')) return null;
    throw error;
  }
}
