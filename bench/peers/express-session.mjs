/** express-session + connect-redis + passport-local, users in Postgres, PBKDF2 by crypto.pbkdf2 as passport's own example. */
import { pbkdf2, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import { Strategy } from 'passport-local';
import pg from 'pg';
import { cookies, DATABASE_URL, PORT, post, ready, redis, USER } from './peer.mjs';

const derive = promisify(pbkdf2);
const hash = (password, salt) => derive(password, salt, 220_000, 64, 'sha512');
const db = new pg.Pool({ connectionString: DATABASE_URL });
await db.query(
  'CREATE TABLE accounts (userid uuid PRIMARY KEY, username text UNIQUE, salt bytea NOT NULL, hash bytea NOT NULL)',
);
const salt = randomBytes(16);
await db.query('INSERT INTO accounts VALUES ($1, $2, $3, $4)', [
  randomUUID(),
  USER.username,
  salt,
  await hash(USER.password, salt),
]);

passport.use(
  new Strategy((username, password, done) => {
    verify(username, password).then((user) => done(null, user), done);
  }),
);
passport.serializeUser((user, done) => done(null, { userid: user.userid, username: user.username }));
passport.deserializeUser((user, done) => done(null, user));

async function verify(username, password) {
  const { rows } = await db.query('SELECT * FROM accounts WHERE username = $1', [username]);
  if (rows.length === 0) return false;
  return timingSafeEqual(rows[0].hash, await hash(password, rows[0].salt)) && rows[0];
}

const app = express();
app.set('trust proxy', 'loopback');
app.disable('x-powered-by');
app.use(
  session({
    store: new RedisStore({ client: await redis() }),
    resave: false,
    saveUninitialized: false,
    secret: 'keys are made at random where this is run in earnest',
    cookie: { secure: true, httpOnly: true, sameSite: 'strict', maxAge: 3_600_000 },
  }),
  passport.session(),
);
app.post('/login', express.json(), passport.authenticate('local'), (_request, response) => response.sendStatus(204));
app.get('/check', (request, response) => {
  if (!request.isAuthenticated()) return response.sendStatus(401);
  response.set('x-auth-user-id', request.user.userid).sendStatus(204);
});

await new Promise((resolve) => app.listen(PORT, '127.0.0.1', resolve));
const https = { 'x-forwarded-proto': 'https' };
const headers = { ...https, cookie: cookies(await post('/login', USER, https)) };
ready({ path: '/check', headers, login: { path: '/login', headers: https, body: USER } });
