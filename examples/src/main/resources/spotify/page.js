// SPDX-License-Identifier: Apache-2.0
// Shows what the application pushes. All text goes in as text: nothing here makes HTML out of data.
'use strict';

const $ = id => document.getElementById(id);

const NOTICES = {
  declined: 'You refused, so nothing was connected and nothing is stored. You can change your mind at any time.',
  failed: 'The service did not complete the login, so nothing was connected. Please begin again.',
  disconnected: 'Disconnected. The row is gone from the database, and the tokens with it.',
  no_login: 'That login was finished before, or did not begin in this browser. Nothing has changed. Begin again if you are not connected.',
  stale: 'That login took too long. Please begin again.',
  replayed: 'That login was finished before. Please begin again if you are not connected.',
  forged: 'That answer does not belong to your login, so it was ignored. Please begin again.',
  mixed_up: 'That answer came from another service than the one we asked. It was ignored.',
  unavailable: 'The service cannot be reached just now, so nothing was connected. Please try again in a moment.',
};
const GOOD = ['disconnected'];

const WHY = {
  REFUSED: 'Spotify has ended this connection: you took your consent back, or it expired. What was stored is of no use any more.',
  ANSWER_LOST: 'An answer of Spotify was lost on its way, and with it the only token that was still valid.',
  NOT_CONNECTED: 'You disconnected somewhere else. Nothing is stored about your account.',
};

const DONE = {
  '/demo/expire': 'Done. The next call is answered with 401.',
  '/demo/withdraw': 'Done. The next call finds out.',
  '/demo/restart': 'The application is starting anew. You stay signed in.',
};

const SEALED = 'Both tokens are in the text, sealed with AES-256-GCM. New tokens mean a new version.';
const USELESS = 'The old tokens are still in the text, sealed; the service accepts them no longer. Connecting again replaces them.';
const REJECT = 'The next call is answered with 401, though the token has not expired.';

// A token that replaced a rejected one is not replaced again at once: after half a minute, or a tenth of its lifetime.
const MOST_REST = 30000;
const MOST_ENTRIES = 60;
const NOTHING = {entries: [], served: 0, requests: 0};

let view = null;
let last = null; // the user and the activity shown last
let before = NOTHING; // what applications did for this user that have ended since: they forget it, this page does not
let armed = 0; // since when the API rejects the token, and no call has found out yet; by the clock of the application
let clockOffset = 0;
let version = '';
let newestSeen = 0;
let called = false;
let withdrawn = false;
let lost = 0;
let leaving = false;

function notice(text, good) {
  $('notice').textContent = text;
  $('notice').className = good ? 'good' : '';
  $('notice').hidden = false;
}

function outcome() {
  const login = new URLSearchParams(location.search).get('login');
  if (login !== null) {
    history.replaceState(null, '', '/');
  }
  if (Object.hasOwn(NOTICES, login)) {
    notice(NOTICES[login], GOOD.includes(login));
  }
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function time(millis) {
  const date = new Date(millis);
  return date.toLocaleTimeString('en-GB') + '.' + String(date.getMilliseconds()).padStart(3, '0');
}

function day(millis) {
  return new Date(millis).toLocaleDateString('en-GB', {dateStyle: 'long'});
}

/** As people write it: the day only if it is not today. */
function playedAt(text) {
  const made = element('time', '', '');
  const date = new Date(text);
  if (!Number.isNaN(date.getTime())) {
    const today = date.toDateString() === new Date(Date.now() + clockOffset).toDateString();
    made.dateTime = text;
    made.textContent = (today ? '' : date.toLocaleDateString('en-GB', {day: 'numeric', month: 'short'}) + ', ')
      + date.toLocaleTimeString('en-GB', {hour: '2-digit', minute: '2-digit'});
  }
  return made;
}

/** The same version has the same colour wherever it stands. */
function paint(chip, text) {
  let hue = 7;
  for (const c of text) {
    hue = (hue * 31 + c.charCodeAt(0)) % 360;
  }
  chip.style.setProperty('--hue', hue);
  chip.textContent = text === '' ? 'no row' : text.slice(0, 8);
  chip.title = 'row version ' + text;
  return chip;
}

function show(next) {
  if (view && view.user && !next.user && !leaving) {
    notice('You are not signed in any more. You disconnected in another window, or your session is over.', false);
  }
  view = next;
  clockOffset = view.now - Date.now();
  const user = view.user;
  document.querySelectorAll('.demo').forEach(part => { part.hidden = !view.demo; });
  document.title = user ? user.name + ' – Listening diary' : 'Listening diary';
  $('who').hidden = !user;
  $('welcome').hidden = Boolean(user);
  $('connected').hidden = !user;
  if (!user) {
    last = null;
    before = NOTHING;
    return;
  }
  remember(user, view.activity);
  $('name').textContent = user.name;
  const ended = view.grant ? view.grant.loginRequired : 'NOT_CONNECTED';
  $('again').hidden = !ended;
  $('connected').classList.toggle('ended', Boolean(ended));
  $('forgot').hidden = !view.demo || ended !== 'REFUSED' || withdrawn;
  $('why').textContent = ended ? WHY[ended] || WHY.REFUSED : '';
  $('since').textContent = ended ? 'Not connected.' : 'Connected since ' + day(view.grant.authorizedAt) + '.'
    + (view.grant.consentEndsAt ? ' Your consent ends on ' + day(view.grant.consentEndsAt) + '.' : '');
  $('served').textContent = before.served + view.activity.served;
  $('requests').textContent = before.requests + view.activity.tokenRequests;
  $('sealed').textContent = ended ? USELESS : SEALED;
  armed = ended ? 0 : armed;
  showRow(view.row);
  showEntries(view.activity.entries.concat(before.entries).slice(0, MOST_ENTRIES));
  showPlayed(view.activity.played);
  tick();
  if (!called && view.activity.played.length === 0 && !ended) {
    called = true;
    press(document.querySelector('[data-post="/call"]'));
  }
}

function remember(user, activity) {
  if (last === null || last.user !== user.id) {
    before = NOTHING;
  } else if (last.activity.since !== activity.since) {
    before = {
      entries: last.activity.entries.concat(before.entries).slice(0, MOST_ENTRIES),
      served: before.served + last.activity.served,
      requests: before.requests + last.activity.tokenRequests,
    };
  }
  last = {user: user.id, activity};
}

function showRow(row) {
  document.querySelectorAll('[data-row]').forEach(cell => {
    const value = row ? row[cell.dataset.row] : '';
    cell.textContent = value;
    cell.title = value;
  });
  if (row) {
    document.querySelector('[data-row=text]').textContent = row.text + '… (' + row.length + ' characters)';
  }
  $('row').hidden = !row;
  $('sealed').hidden = !row;
  $('no-row').hidden = Boolean(row);
  paint($('row-version'), row ? row.version : '');
  $('row-updated').textContent = row && row.updatedAt ? time(row.updatedAt) : '';
  if (row && version !== '' && version !== row.version) {
    const card = document.querySelector('.row');
    card.classList.remove('stamped');
    void card.offsetWidth; // lets the animation begin again
    card.classList.add('stamped');
  }
  version = row ? row.version : '';
}

function showEntries(entries) {
  const first = newestSeen === 0;
  $('entries').replaceChildren(...entries.map(entry => {
    const line = element('li', 'k-' + entry.kind + (!first && entry.at > newestSeen ? ' new' : ''), '');
    const what = element('span', 'what', entry.text);
    if (entry.took > 0) {
      what.append(' ', element('span', 'took', entry.took + ' ms'));
    }
    line.append(element('time', '', time(entry.at)), what, paint(element('span', 'version', ''), entry.version));
    return line;
  }));
  newestSeen = entries.length === 0 ? newestSeen : Math.max(newestSeen, entries[0].at);
}

function showPlayed(tracks) {
  $('nothing').hidden = tracks.length > 0;
  $('played').replaceChildren(...tracks.map(track => {
    const line = document.createElement('li');
    line.append(element('b', '', track.name), playedAt(track.playedAt), element('span', '', track.artists));
    return line;
  }));
}

function tick() {
  if (!view || !view.user) {
    return;
  }
  const grant = view.grant;
  const over = !grant || Boolean(grant.loginRequired);
  const left = !grant ? 0 : grant.expiresAt === null ? Infinity : grant.expiresAt - (Date.now() + clockOffset);
  const expired = left <= 0;
  const card = document.querySelector('.token');
  card.classList.toggle('expired', expired && !over);
  card.classList.toggle('over', over);
  $('left').textContent = !grant ? 'None' : over ? 'Ended' : expired ? 'Expired' : left === Infinity ? 'Good' : span(left);
  $('condition').textContent = !grant ? '' : over ? 'and no new one without you'
    : expired ? 'the next call fetches a new one first' : left === Infinity ? 'no expiry is known' : 'until it expires';
  const share = over ? 0 : expired || left === Infinity ? 1 : Math.min(1, left / (grant.expiresAt - grant.refreshedAt));
  $('bar').style.transform = 'scaleX(' + share + ')';
  rest();
}

/** The button that lets the API reject the token: what it does, or why it rests. */
function rest() {
  const grant = view.grant;
  const replaced = view.activity.entries.concat(before.entries).find(entry => entry.text.startsWith('New tokens fetched (rejected)'));
  let left = 0;
  if (replaced && grant && grant.refreshedAt <= replaced.at) { // these are still the tokens in use
    const most = grant.expiresAt === null ? MOST_REST : Math.min(MOST_REST, (grant.expiresAt - grant.refreshedAt) / 10);
    left = replaced.at + most - (Date.now() + clockOffset);
  }
  armed = grant && grant.refreshedAt > armed ? 0 : armed;
  const about = armed ? 'Done. The next call meets a 401, gets a new token and is repeated.'
    : left > 0 ? 'Rests for ' + span(left) + ': a token that replaced a rejected one is not replaced again at once.' : REJECT;
  if ($('about-expire').textContent !== about) {
    $('about-expire').textContent = about;
  }
  document.querySelector('[data-post="/demo/expire"]').setAttribute('aria-disabled', String(armed > 0 || left > 0));
}

function span(millis) {
  const seconds = Math.ceil(millis / 1000);
  return seconds < 120 ? seconds + ' s' : Math.floor(seconds / 60) + ' min ' + seconds % 60 + ' s';
}

/** Returns a sentence about the outcome, and whether it is good news. */
async function post(path) {
  const response = await fetch(path, {method: 'POST'});
  if (!response.ok) {
    throw new Error(await response.text());
  }
  if (path.startsWith('/demo')) {
    withdrawn = withdrawn || path === '/demo/withdraw';
    armed = path === '/demo/expire' ? Date.now() + clockOffset : armed;
    return [DONE[path], ''];
  }
  const answer = await response.json();
  if (answer.problem) {
    return [(answer.calls === 1 ? '' : answer.served + ' of ' + answer.calls + ' answered. ') + answer.problem, 'bad'];
  }
  return [(answer.calls === 1 ? 'Answered' : answer.served + ' of ' + answer.calls + ' answered') + ' in ' + answer.took
    + ' ms, with ' + (answer.tokenRequests === 0 ? 'no token request'
      : answer.tokenRequests === 1 ? 'one token request' : answer.tokenRequests + ' token requests') + '.', 'good'];
}

async function press(button) {
  if (button.getAttribute('aria-disabled') === 'true') {
    return;
  }
  button.setAttribute('aria-disabled', 'true'); // "disabled" would take the focus away from a keyboard user
  let said;
  try {
    said = await post(button.dataset.post);
  } catch (e) {
    said = [e instanceof TypeError ? 'The application does not answer.' : e.message, 'bad'];
  }
  $('result').textContent = said[0];
  $('result').className = said[1];
  button.setAttribute('aria-disabled', 'false');
  tick(); // one of them may have to rest
}

function listen() {
  const live = new EventSource('/live');
  live.addEventListener('view', event => {
    clearTimeout(lost);
    lost = 0;
    $('lost').hidden = true;
    $('link').textContent = 'Live';
    $('link').className = 'small live';
    show(JSON.parse(event.data));
  });
  live.onerror = () => {
    $('link').textContent = 'The application does not answer; trying again…';
    $('link').className = 'small';
    lost = lost || setTimeout(() => { $('lost').hidden = false; }, 2000); // a restart is shorter
    called = false; // a new application has nothing to show yet
    live.close();
    setTimeout(listen, 700);
  };
}

document.querySelectorAll('[data-post]').forEach(button => button.addEventListener('click', () => press(button)));
document.querySelectorAll('form').forEach(form => form.addEventListener('submit', () => { leaving = true; }));
setInterval(tick, 200);
setInterval(() => {
  if ($('keep').checked && view && view.user && $('again').hidden) {
    press(document.querySelector('[data-post="/call"]'));
  }
}, 3000);
$('keep').addEventListener('change', () => {
  // read out every three seconds, nothing else would be heard
  $('result').setAttribute('aria-live', $('keep').checked ? 'off' : 'polite');
});
$('link').textContent = 'Connecting…'; // without this script nothing ever connects
outcome();
listen();
