import { List } from '@mantine/core';

/** Said before somebody makes an app account, for it cannot be undone. */
export function WhatAppMeans({ username }: { username: string }) {
  return (
    <List size="sm" spacing={4}>
      <List.Item>
        An app account cannot become a normal one again: whoever takes the app apart has its secrets. It can be disabled
        or deleted.
      </List.Item>
      <List.Item>It signs people up and fetches apitokens for them, sees itself, logs out; nothing else.</List.Item>
      <List.Item>Nobody can log in as {username} in a browser, and its sessions are over at once.</List.Item>
    </List>
  );
}
