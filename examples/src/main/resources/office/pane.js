// SPDX-License-Identifier: Apache-2.0
// The task pane. All text goes in as text: nothing here makes HTML out of data.
'use strict';

const OFFICE_JS = 'https://appsforoffice.microsoft.com/lib/1/hosted/office.js';
const PATIENCE = 15000;
const SECTIONS = ['no-cookie', 'over', 'signed-out', 'waiting', 'signed-in'];
const NOTICES = {
  declined: 'You refused, so nothing was connected and nothing is stored. You can change your mind at any time.',
  failed: 'The service did not go through with it, so nothing was connected. Please begin again.',
  unavailable: 'The service could not be asked just now. Please try again in a moment.',
  strange: 'That sign-in took too long, or was not begun here. Please begin again.',
  unclaimed: 'That sign-in could not be matched with this pane, so it was thrown away. Please begin again.',
  unreachable: 'The window could not reach this pane, so nothing was stored. Please begin again, or use the pane in a window of '
    + 'its own.',
  closed: 'The window was closed. Nothing was connected.',
  failedHere: 'Something went wrong here. Please try again in a moment.',
  loginRequired: 'The service has ended this connection. Please sign in again.',
  signedOut: 'You are signed out. The tokens were given back.',
};

const $ = id => document.getElementById(id);

let state = null;
let socket = null;
let socketId = null;
let connected = Promise.resolve();
let attempt = null; // {tx, secret, popUp, dialog, channel, timer}
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

/** What is true now. Asked for whenever something may have happened; a pane that missed a message misses nothing. */
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
    // A pane that never had a session is one whose cookie was refused.
    show(state === null ? 'no-cookie' : 'over');
  } else if (e.message === 'signed-out') {
    refresh();
  } else if (e.message === 'login-required') {
    notice('loginRequired');
    show('signed-out');
  } else {
    notice('failedHere');
  }
}

// ---- What is seen -----------------------------------------------------------------------------------------------

function show(section) {
  const changes = $(section).hidden;
  for (const id of SECTIONS) {
    $(id).hidden = id !== section;
  }
  if (changes && document.activeElement !== document.body && document.activeElement.offsetParent === null) {
    // The button that was pressed is gone. Who uses a keyboard goes on where the new part begins.
    const heading = $(section).querySelector('h1');
    heading.tabIndex = -1;
    heading.focus();
  }
  $('who').hidden = section !== 'signed-in';
}

function notice(name) {
  $('notice').textContent = NOTICES[name] || '';
  $('notice').className = name === 'signedOut' ? 'good' : '';
  $('notice').hidden = !name;
}

function draw() {
  document.querySelectorAll('.demo').forEach(part => { part.hidden = !state.demo; });
  if (!state.user) {
    show(attempt === null ? 'signed-out' : 'waiting');
    return;
  }
  $('name').textContent = state.user.name;
  $('hello').textContent = state.user.givenName || state.user.name;
  document.querySelectorAll('[data-user]').forEach(cell => {
    cell.textContent = state.user[cell.dataset.user] || '–';
  });
  $('access').textContent = time(state.grant && state.grant.accessTokenExpiresAt);
  $('refresh').textContent = time(state.grant && state.grant.refreshTokenExpiresAt);
  if (!state.grant || state.grant.loginRequired) {
    notice('loginRequired');
    show(attempt === null ? 'signed-out' : 'waiting');
  } else {
    show(attempt === null ? 'signed-in' : 'waiting');
  }
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
        $('live').textContent = 'Connected';
        $('live').className = 'small live';
        resolve();
        refresh();
      } else if (message.type === 'attempt') {
        if (message.status !== 'granted') {
          ended(message.tx, message.status);
        } else if (attempt !== null && attempt.tx === message.tx) {
          $('progress').textContent = 'One moment…';
          // The window is done, and has to reach this pane by itself. If it cannot, nothing is stored.
          setTimeout(() => ended(message.tx, 'unreachable'), PATIENCE);
        }
      } else {
        refresh();
      }
    };
    socket.onclose = () => {
      socketId = null;
      $('live').textContent = 'The server does not answer; trying again…';
      $('live').className = 'small';
      setTimeout(() => {
        connect();
        if (state !== null) {
          refresh(); // tells whether it is the server that is gone, or the session
        }
      }, 1000);
    };
  });
}

// ---- Signing in -------------------------------------------------------------------------------------------------

const office = () => window.Office && Office.context && Office.context.ui;

async function signIn() {
  notice('');
  // Before anything is waited for, or the browser takes the window for an advertisement.
  const popUp = office() ? null : window.open('about:blank', '_blank', 'popup,width=520,height=680');
  show('waiting');
  $('blocked').hidden = true;
  $('progress').textContent = 'It has opened beside this pane, or behind it.';
  try {
    await Promise.race([connected, new Promise(resolve => setTimeout(resolve, 5000))]);
    const begun = await api('POST', '/api/sign-in', {socket: socketId, office: Boolean(office())});
    begunHere.add(begun.tx);
    attempt = {tx: begun.tx, secret: begun.secret, popUp, dialog: null, channel: null, timer: null};
    if (office()) {
      openInOffice(begun);
      return;
    }
    listen(begun);
    if (popUp) {
      popUp.location.replace(begun.dialog);
    } else {
      // Blocked. A link that the user follows is not.
      $('progress').textContent = 'Your browser has not opened the window.';
      $('link').href = begun.dialog;
      $('blocked').hidden = false;
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
      $('progress').textContent = 'The window seems to be closed. Cancel to begin again, or finish there if it is not.';
    }
  }, 700);
}

window.addEventListener('message', event => {
  if (event.origin !== location.origin || !event.source) {
    return;
  }
  const data = event.data;
  arrived(data, () => event.source.postMessage({type: 'received', tx: data.tx}, location.origin));
});

function openInOffice(begun) {
  const options = {height: 70, width: 35, promptBeforeOpen: false};
  Office.context.ui.displayDialogAsync(location.origin + begun.dialog, options, result => {
    if (result.status !== 'succeeded') {
      ended(begun.tx, result.error && result.error.code === 12007 ? 'closed' : 'failedHere');
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
    dialog.addEventHandler('dialogEventReceived', () => ended(begun.tx, 'closed'));
  });
}

/** The pop-up tells how it went. Comes by several ways, and counts once. */
function arrived(message, acknowledge) {
  if (!message || !begunHere.has(message.tx)) {
    return;
  }
  acknowledge(); // also where the socket was faster: the window waits for that, and closes
  if (attempt === null || message.tx !== attempt.tx) {
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
      term.textContent = name;
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
    $('result').textContent = 'Done: the next call meets a 401, gets a new token and is repeated.';
  } catch (e) {
    trouble(e);
  }
}

async function signOut() {
  try {
    await api('POST', '/api/sign-out');
    $('answer').replaceChildren();
    $('result').textContent = '';
    await refresh();
    notice('signedOut');
  } catch (e) {
    trouble(e);
  }
}

$('sign-in').addEventListener('click', signIn);
$('cancel').addEventListener('click', cancel);
$('call').addEventListener('click', callGraph);
$('expire').addEventListener('click', expire);
$('sign-out').addEventListener('click', signOut);
$('reload').addEventListener('click', () => location.reload());

// Office opens the pane with this parameter, and nobody else does. Outside, its script is not loaded.
if (!window.Office && new URLSearchParams(location.search).has('_host_Info')) {
  const script = document.createElement('script');
  script.src = OFFICE_JS;
  script.onload = () => Office.onReady(() => {});
  document.head.append(script);
}
refresh().then(() => {
  if (state !== null) {
    connect();
  }
});
