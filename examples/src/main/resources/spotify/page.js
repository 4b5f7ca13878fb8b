// SPDX-License-Identifier: Apache-2.0
// Shows what the application pushes. All text goes in as text: nothing here makes HTML out of data.
'use strict';

const $ = id => document.getElementById(id);

const NOTICES = {
  declined: 'You refused, so nothing was connected and nothing is stored. You can change your mind at any time.',
  failed: 'The service did not go through with it, so nothing was connected. Please begin again.',
  disconnected: 'Disconnected. The row is gone from the database, and the tokens with it.',
  none: 'That login did not begin in this browser, or not lately. Please begin again.',
  stale: 'That login took too long. Please begin again.',
  replayed: 'That login was finished before. Please begin again if you are not connected.',
  forged: 'That answer does not belong to your login, so it was ignored. Please begin again.',
  mixed_up: 'That answer came from somebody else than the service we asked. It was ignored.',
  unavailable: 'The service could not be asked just now. Please try again in a moment.',
};

let view = null;
let clockOffset = 0;
let version = '';
let newestSeen = 0;
let called = false;
let withdrawn = false;

function notice() {
  const login = new URLSearchParams(location.search).get('login');
  if (login !== null) {
    history.replaceState(null, '', '/');
  }
  if (Object.hasOwn(NOTICES, login)) {
    $('notice').textContent = NOTICES[login];
    $('notice').className = login === 'disconnected' ? 'good' : '';
    $('notice').hidden = false;
  }
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function time(millis, fraction) {
  const date = new Date(millis);
  const clock = date.toLocaleTimeString('en-GB');
  return fraction ? clock + '.' + String(date.getMilliseconds()).padStart(3, '0') : clock;
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
  view = next;
  clockOffset = view.now - Date.now();
  const user = view.user;
  document.querySelectorAll('.demo').forEach(part => { part.hidden = !view.demo; });
  $('who').hidden = !user;
  $('welcome').hidden = Boolean(user);
  $('connected').hidden = !user;
  if (!user) {
    return;
  }
  $('name').textContent = user.name;
  $('again').hidden = Boolean(view.grant) && !view.grant.loginRequired;
  $('forgot').hidden = !view.demo || withdrawn;
  $('why').textContent = view.grant ? 'The service has ended this connection. Only you can mend that.'
    : 'This account is not connected any more.';
  $('served').textContent = view.activity.served;
  $('requests').textContent = view.activity.tokenRequests;
  showRow(view.row);
  showEntries(view.activity.entries);
  showPlayed(view.activity.played);
  $('consent').textContent = view.grant && view.grant.consentEndsAt && !view.grant.loginRequired
    ? 'Your consent ends on ' + new Date(view.grant.consentEndsAt).toLocaleDateString('en-GB', {dateStyle: 'long'}) + '.' : '';
  tick();
  if (!called && view.activity.played.length === 0 && view.grant && !view.grant.loginRequired) {
    called = true;
    press(document.querySelector('[data-post="/call"]'));
  }
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
  paint($('row-version'), row ? row.version : '');
  $('row-updated').textContent = row && row.updatedAt ? time(row.updatedAt, true) : '';
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
    line.append(element('time', '', time(entry.at, true)), what, paint(element('span', 'version', ''), entry.version));
    return line;
  }));
  newestSeen = entries.length === 0 ? newestSeen : Math.max(newestSeen, entries[0].at);
}

function showPlayed(tracks) {
  $('nothing').hidden = tracks.length > 0;
  $('played').replaceChildren(...tracks.map(track => {
    const line = document.createElement('li');
    line.append(element('b', '', track.name), element('time', '', time(track.playedAt, false).slice(0, 5)),
      element('span', '', track.artists));
    return line;
  }));
}

function tick() {
  const grant = view && view.user && view.grant;
  if (!grant) {
    $('left').textContent = view && view.user ? 'None' : '';
    $('condition').textContent = '';
    return;
  }
  const left = grant.expiresAt === null ? Infinity : grant.expiresAt - (Date.now() + clockOffset);
  const seconds = Math.ceil(left / 1000);
  const expired = left <= 0;
  document.querySelector('.token').classList.toggle('expired', expired);
  $('left').textContent = expired ? 'Expired'
    : seconds < 120 ? seconds + ' s' : Math.floor(seconds / 60) + ' min ' + seconds % 60 + ' s';
  $('condition').textContent = grant.loginRequired ? 'and no new one without you'
    : expired ? 'the next call fetches a new one first' : 'until it expires';
  $('bar').style.transform = 'scaleX(' + (expired ? 1 : Math.min(1, left / (grant.expiresAt - grant.refreshedAt))) + ')';
}

async function post(path) {
  const response = await fetch(path, {method: 'POST'});
  if (!response.ok) {
    throw new Error(await response.text());
  }
  if (path.startsWith('/demo')) {
    withdrawn = withdrawn || path === '/demo/withdraw';
    return {'/demo/expire': 'Done: the next call meets a 401. (This button rests for half a minute.)',
      '/demo/withdraw': 'Done: the next call finds out.',
      '/demo/restart': 'The application is starting anew. You stay signed in.'}[path];
  }
  const answer = await response.json();
  if (answer.problem) {
    return answer.problem;
  }
  return (answer.calls === 1 ? 'Answered' : answer.served + ' of ' + answer.calls + ' answered') + ' in ' + answer.took
    + ' ms, with ' + (answer.tokenRequests === 0 ? 'no token request'
      : answer.tokenRequests === 1 ? 'one token request' : answer.tokenRequests + ' token requests') + '.';
}

async function press(button) {
  button.disabled = true;
  try {
    $('result').textContent = await post(button.dataset.post);
  } catch (e) {
    $('result').textContent = e instanceof TypeError ? 'The application does not answer.' : e.message;
  } finally {
    // A token that came in place of a rejected one is not replaced again at once: half a minute between two such troubles.
    setTimeout(() => { button.disabled = false; }, button.dataset.post === '/demo/expire' ? 30000 : 0);
  }
}

function listen() {
  const live = new EventSource('/live');
  live.addEventListener('view', event => {
    $('link').textContent = 'Live';
    $('link').className = 'small live';
    show(JSON.parse(event.data));
  });
  live.onerror = () => {
    $('link').textContent = 'The application does not answer; trying again…';
    $('link').className = 'small';
    live.close();
    setTimeout(listen, 700);
  };
}

document.querySelectorAll('[data-post]').forEach(button => button.addEventListener('click', () => press(button)));
setInterval(tick, 200);
setInterval(() => {
  if ($('keep').checked && view && view.user && !(view.grant && view.grant.loginRequired)) {
    press(document.querySelector('[data-post="/call"]'));
  }
}, 3000);
notice();
listen();
