// SPDX-License-Identifier: Apache-2.0
// The task pane. All text goes in as text: nothing here makes HTML out of data.
'use strict';

const OFFICE_JS = 'https://appsforoffice.microsoft.com/lib/1/hosted/office.js';
const PATIENCE = 5000;
const PATIENCE_WITH_OFFICE = 15000; // its script comes from elsewhere
const LONGEST_PAUSE = 30000;
const SECTIONS = ['no-cookie', 'over', 'signed-out', 'waiting', 'signed-in'];
const NOTICES = {
  declined: 'You refused, so nothing was connected and nothing is stored. You can change your mind at any time.',
  failed: 'The service did not complete the sign-in, so nothing was connected. Please begin again.',
  unavailable: 'The service cannot be reached just now. Please try again in a moment.',
  strange: 'That sign-in took too long, or was not begun here. Please begin again.',
  unclaimed: 'That sign-in could not be matched with this pane, so it was thrown away. Please begin again.',
  unreachable: 'The service has cut its window off from this pane, so nothing was stored. Please sign in once more: there will be '
    + 'one step more, and it will work.',
  closed: 'Nothing was connected.',
  blocked: 'The window was not opened. Please allow it, and begin again.',
  second: 'There is a window of this pane already. Please close it, and begin again.',
  failedHere: 'Something went wrong here. Please try again in a moment.',
  loginRequired: 'The service has ended this connection. Please sign in again.',
  signedOut: 'You are signed out, and the server has forgotten your tokens.',
};

const $ = id => document.getElementById(id);

let state = null;
let socket = null;
let socketId = null;
let connected = Promise.resolve();
let pause = 1000;
let over = false;
let attempt = null; // {tx, secret, popUp, dialog, channel, timer}
let cutOff = false; // the window that goes to the provider cannot reach us: another stays between
let handingOver = Promise.resolve();
const begunHere = new Set();

// ---- The server -------------------------------------------------------------------------------------------------

class Problem extends Error {
  constructor(status, problem) {
    super(problem);
    this.status = status;
  }
}

async function api(method, path, body) {
  const headers = {'X-Pane': '1'};
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
  }
  const response = await fetch(path, {method, headers, body: body === undefined ? undefined : JSON.stringify(body)});
  if (response.status === 204) {
    return null;
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Problem(response.status, answer.problem || 'failed');
  }
  return answer;
}

/** Fetches the state. Called whenever something may have happened; a pane that missed a message misses nothing. */
async function refresh() {
  try {
    await handingOver; // the session changes with it
    state = await api('GET', '/api/state');
    draw();
  } catch (e) {
    trouble(e);
  }
}

function trouble(e) {
  if (e.message === 'no-session') {
    // A pane that never had a session is one whose cookie the browser did not keep.
    over = true;
    notice('');
    show(state === null ? 'no-cookie' : 'over');
    forget();
  } else if (e.message === 'signed-out') {
    refresh();
  } else if (e.message === 'login-required') {
    notice('loginRequired');
    show('signed-out');
  } else {
    notice('failedHere');
  }
}

// ---- The page ---------------------------------------------------------------------------------------------------

function show(section) {
  for (const id of SECTIONS) {
    $(id).hidden = id !== section;
  }
  if (document.activeElement !== document.body && document.activeElement.offsetParent === null) {
    // The button that was pressed is gone. A keyboard user goes on where the new part begins.
    const heading = $(section).querySelector('h1');
    heading.tabIndex = -1;
    heading.focus();
  }
  $('who').hidden = section !== 'signed-in';
  $('footer').hidden = section === 'no-cookie' || section === 'over';
}

function notice(name) {
  $('notice').textContent = NOTICES[name] || '';
  $('notice').className = name === 'signedOut' ? 'good' : '';
  $('notice').hidden = !name;
}

function draw() {
  if (over) {
    return;
  }
  document.querySelectorAll('.demo').forEach(part => { part.hidden = !state.demo; });
  if (!state.user) {
    show(attempt === null ? 'signed-out' : 'waiting');
    forget();
    return;
  }
  $('name').textContent = state.user.name;
  $('hello').textContent = state.user.givenName || state.user.name;
  document.querySelectorAll('[data-user]').forEach(cell => {
    cell.textContent = state.user[cell.dataset.user] || '–';
  });
  $('access').textContent = state.grant && state.grant.rejected
    ? 'expired early; the next call gets a new one' : time(state.grant && state.grant.accessTokenExpiresAt);
  $('refresh').textContent = time(state.grant && state.grant.refreshTokenExpiresAt);
  if (!state.grant || state.grant.loginRequired) {
    notice('loginRequired');
    show(attempt === null ? 'signed-out' : 'waiting');
  } else {
    show(attempt === null ? 'signed-in' : 'waiting');
  }
}

/** Nothing of a user stays in the page, not even where nobody sees it. */
function forget() {
  document.querySelectorAll('#name, #hello, #access, #refresh, [data-user], #result').forEach(part => { part.textContent = ''; });
  $('answer').replaceChildren();
}

function time(millis) {
  return millis ? 'until ' + new Date(millis).toLocaleString('en-GB', {dateStyle: 'medium', timeStyle: 'medium'}) : 'none';
}

// ---- The socket -------------------------------------------------------------------------------------------------

function connect() {
  connected = new Promise(resolve => {
    socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/socket');
    socket.onmessage = event => {
      const message = JSON.parse(event.data);
      if (message.type === 'hello') {
        socketId = message.socket;
        pause = 1000;
        $('live').textContent = 'Connected';
        $('live').className = 'small live';
        resolve();
        refresh();
      } else if (message.type === 'attempt') {
        if (message.status !== 'granted') {
          // Office's dialog is closed from here, and not while it is still loading its page: that says the same in a moment.
          setTimeout(() => ended(message.tx, message.status), attempt !== null && attempt.dialog ? PATIENCE : 0);
        } else if (attempt !== null && attempt.tx === message.tx) {
          $('progress').textContent = 'One moment…';
          // The window is done, and has to reach this pane by itself. If it cannot, nothing is stored.
          setTimeout(() => {
            cutOff = cutOff || attempt !== null && attempt.tx === message.tx;
            ended(message.tx, 'unreachable');
          }, attempt.dialog ? PATIENCE_WITH_OFFICE : PATIENCE);
        }
      } else {
        refresh();
      }
    };
    socket.onclose = () => {
      socketId = null;
      if (over) {
        return;
      }
      $('live').textContent = 'No connection to the server. Trying again…';
      $('live').className = 'small';
      setTimeout(() => {
        connect();
        refresh(); // tells whether it is the server that is gone, or the session
      }, pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    };
  });
}

// ---- Signing in -------------------------------------------------------------------------------------------------

// Office opens the pane with this parameter, and nobody else does. Outside, its script is not loaded.
const inOffice = new URLSearchParams(location.search).has('_host_Info');

const officeReady = new Promise(resolve => {
  if (inOffice) {
    const script = document.createElement('script');
    script.src = OFFICE_JS;
    script.onload = () => Office.onReady(resolve);
    script.onerror = resolve;
    document.head.append(script);
  } else {
    resolve();
  }
});

const office = () => inOffice && window.Office && Office.context && Office.context.ui;

async function signIn() {
  notice('');
  if (attempt !== null) {
    const before = attempt.popUp;
    stop();
    if (before) {
      before.close();
    }
  }
  // Before anything is waited for, or the browser takes the window for an advertisement.
  const popUp = inOffice ? null : window.open('about:blank', '_blank', 'popup,width=520,height=680');
  $('waiting-title').textContent = 'Continue in the other window';
  $('progress').textContent = 'It has opened beside this pane, or behind it.';
  $('open').hidden = true;
  $('begin-again').hidden = true;
  show('waiting');
  try {
    await Promise.race([Promise.all([connected, officeReady]), new Promise(resolve => setTimeout(resolve, 5000))]);
    const begun = await api('POST', '/api/sign-in', {socket: socketId, office: Boolean(office())});
    begunHere.add(begun.tx);
    attempt = {tx: begun.tx, secret: begun.secret, popUp, dialog: null, channel: null, timer: null};
    const address = cutOff ? '/continue.html' + (office() ? '?in=office' : '') + '#' + begun.tx : begun.dialog;
    if (office()) {
      openInOffice(begun, address);
      return;
    }
    listen(begun);
    if (popUp) {
      popUp.location.replace(address);
    } else {
      // Blocked. A link that the user follows is not.
      $('waiting-title').textContent = 'One more click';
      $('progress').textContent = 'Your browser has blocked the window in which you sign in.';
      $('open').href = address;
      $('open').hidden = false;
      $('open').focus();
    }
  } catch (e) {
    if (popUp) {
      popUp.close();
    }
    stop();
    draw();
    trouble(e);
  }
}

function listen(begun) {
  if ('BroadcastChannel' in window) {
    attempt.channel = new BroadcastChannel('sign-in ' + begun.tx);
    attempt.channel.onmessage = event => arrived(event.data, () => event.target.postMessage('received'));
  }
  attempt.timer = setInterval(() => {
    if (attempt !== null && attempt.popUp && attempt.popUp.closed) {
      // It may also only look closed: a page on the way may cut it off from us (COOP). So this is not the end.
      seemsClosed();
    }
  }, 700);
}

function seemsClosed() {
  clearInterval(attempt.timer);
  $('waiting-title').textContent = 'The window seems to be closed';
  $('progress').textContent = 'If it is still open, finish there. If not, begin again.';
  $('begin-again').hidden = false;
}

window.addEventListener('message', event => {
  if (event.origin !== location.origin || !event.source) {
    return;
  }
  if (attempt !== null && attempt.popUp && !attempt.popUp.closed && event.source !== attempt.popUp) {
    return;
  }
  const data = event.data;
  arrived(data, () => event.source.postMessage({type: 'received', tx: data.tx}, location.origin));
});

function openInOffice(begun, address) {
  const options = {height: 70, width: 35, promptBeforeOpen: false};
  Office.context.ui.displayDialogAsync(location.origin + address, options, result => {
    if (result.status !== 'succeeded') {
      const code = result.error ? result.error.code : 0;
      ended(begun.tx, code === 12007 ? 'second' : code === 12009 || code === 12011 ? 'blocked' : 'failedHere');
      return;
    }
    const dialog = result.value;
    if (attempt === null || attempt.tx !== begun.tx) {
      dialog.close();
      return;
    }
    attempt.dialog = dialog;
    dialog.addEventHandler('dialogMessageReceived', event => {
      if (event.origin !== undefined && event.origin !== location.origin) {
        return;
      }
      let message = null;
      try {
        message = JSON.parse(event.message);
      } catch (e) {
        return;
      }
      arrived(message, () => {});
    });
    dialog.addEventHandler('dialogEventReceived', event => {
      if (attempt === null || attempt.tx !== begun.tx) {
        return;
      }
      attempt.dialog = null;
      if (event.error === 12006) {
        seemsClosed(); // to Office on the web, too, a window that was cut off looks like that
      } else {
        ended(begun.tx, 'failedHere');
      }
    });
  });
}

/** The pop-up reports the outcome. The message comes by several ways, and counts once. */
function arrived(message, acknowledge) {
  if (!message || !begunHere.has(message.tx)) {
    return;
  }
  const current = attempt !== null && message.tx === attempt.tx;
  if (current || message.status !== 'granted') {
    acknowledge(); // also where the socket was faster: the window waits for that, and closes
  }
  if (!current) {
    return;
  }
  const {tx, secret} = attempt;
  if (message.status !== 'granted') {
    ended(tx, message.status);
    return;
  }
  stop();
  handingOver = api('POST', '/api/hand-over', {tx, secret, token: message.token}).catch(e => {
    if (e.message === 'not-claimed') {
      notice('unclaimed');
    } else {
      trouble(e);
    }
  });
  handingOver.then(refresh);
}

/** An attempt is over without a result. */
function ended(tx, how) {
  if (attempt !== null && attempt.tx === tx) {
    stop();
    notice(how);
    if (state !== null) {
      draw();
    }
  }
}

function stop() {
  if (attempt !== null) {
    clearInterval(attempt.timer);
    if (attempt.channel) {
      const channel = attempt.channel;
      setTimeout(() => channel.close(), 10000); // the pop-up may still be loading its page
    }
    if (attempt.dialog) {
      attempt.dialog.close(); // Office's dialogs cannot close themselves
    }
    attempt = null;
  }
}

function cancel() {
  if (attempt !== null) {
    if (attempt.popUp) {
      attempt.popUp.close();
    }
    ended(attempt.tx, 'closed');
  }
}

// ---- Signed in --------------------------------------------------------------------------------------------------

async function callGraph() {
  $('call').disabled = true;
  $('result').textContent = '';
  try {
    const me = await api('GET', '/api/graph/me');
    $('answer').replaceChildren(...Object.entries(me).filter(([, value]) => typeof value === 'string').map(([name, value]) => {
      const line = document.createElement('div');
      const term = document.createElement('dt');
      const text = document.createElement('dd');
      term.textContent = name.charAt(0).toUpperCase() + name.slice(1).replace(/[A-Z]/g, letter => ' ' + letter.toLowerCase());
      text.textContent = value;
      line.append(term, text);
      return line;
    }));
    $('result').textContent = 'Graph has answered.';
    await refresh();
  } catch (e) {
    if (e.status === 502 || e.status === 503) {
      $('result').textContent = 'Graph cannot be reached just now. Please try again in a moment.';
    } else {
      trouble(e);
    }
  } finally {
    $('call').disabled = false;
  }
}

async function expire() {
  try {
    await api('POST', '/api/demo/expire');
    await refresh();
    $('result').textContent = 'Done: the next call meets a 401, gets a new token and is repeated.';
  } catch (e) {
    trouble(e);
  }
}

async function signOut() {
  try {
    await api('POST', '/api/sign-out');
    await refresh();
    notice('signedOut');
  } catch (e) {
    trouble(e);
  }
}

$('sign-in').addEventListener('click', signIn);
$('cancel').addEventListener('click', cancel);
$('begin-again').addEventListener('click', signIn);
$('open').addEventListener('click', () => {
  $('waiting-title').textContent = 'Continue in the other window';
  $('progress').textContent = 'It has opened beside this pane, or behind it.';
});
$('call').addEventListener('click', callGraph);
$('expire').addEventListener('click', expire);
$('sign-out').addEventListener('click', signOut);
$('reload').addEventListener('click', () => location.reload());

$('live').textContent = 'Connecting…'; // without this script nothing ever connects
refresh().then(() => {
  if (state !== null) {
    connect();
  }
});
