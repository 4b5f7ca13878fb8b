// SPDX-License-Identifier: Apache-2.0
// The end of the pop-up: reports the outcome to the pane, and closes the window. No OAuth token and no code is in the message.
'use strict';

const OFFICE_JS = 'https://appsforoffice.microsoft.com/lib/1/hosted/office.js';
const PATIENCE = 3000;
const PATIENCE_WITH_OFFICE = 12000;

const message = JSON.parse(document.body.dataset.message);
let answered = false;

// The code is used up, and has no business in the history.
history.replaceState(null, '', '/done');

function say(title, text) {
  document.getElementById('title').textContent = title;
  document.getElementById('text').textContent = text;
  document.getElementById('close').hidden = false;
}

/** A pane has it. That was all this window was for. */
function received() {
  answered = true;
  if (message.status === 'granted') {
    say('That is all', 'It goes on in the pane. You can close this window.');
  }
  window.close();
}

function nobody() {
  if (!answered && message.status === 'granted') {
    // Somebody may have sent this window's address, or the pane is gone. Both look alike from here, and end alike.
    say('Nobody is waiting for this', 'The pane that opened this window cannot be reached, so nothing was stored. '
      + 'Close this window, and begin again in the pane.');
  }
}

/** Office's dialogs have no opener. The pane hears the message by Office, and closes this window itself. */
function throughOffice() {
  setTimeout(nobody, PATIENCE_WITH_OFFICE);
  Office.onReady(() => {
    try {
      Office.context.ui.messageParent(JSON.stringify(message), {targetOrigin: location.origin});
    } catch (e) {
      nobody(); // the pane was loaded anew meanwhile
    }
  });
}

function throughTheBrowser() {
  if ('BroadcastChannel' in window) {
    // Reaches our own pages in this browser, also when the opener was cut off on the way (COOP). One channel for each attempt.
    const channel = new BroadcastChannel('sign-in ' + message.tx);
    channel.onmessage = event => {
      if (event.data === 'received') {
        received();
      }
    };
    channel.postMessage(message);
  }
  window.addEventListener('message', event => {
    if (event.origin === location.origin && event.data && event.data.type === 'received' && event.data.tx === message.tx) {
      received();
    }
  });
  if (window.opener) {
    // To our own origin and no other: anybody may have opened this window.
    window.opener.postMessage(message, location.origin);
  }
  setTimeout(nobody, PATIENCE);
}

document.getElementById('close').addEventListener('click', () => {
  window.close();
  setTimeout(() => {
    // Only what a page has opened may close itself.
    document.getElementById('close').hidden = true;
    document.getElementById('text').textContent += ' Your browser leaves it to you to close this window.';
  }, 500);
});
if (message.status !== 'granted') {
  document.getElementById('close').hidden = false;
}
if (message.tx !== undefined) {
  if (document.body.dataset.office === 'true') {
    if (window.Office) {
      throughOffice();
    } else {
      const script = document.createElement('script');
      script.src = OFFICE_JS;
      script.onload = throughOffice;
      script.onerror = nobody;
      document.head.append(script);
    }
  } else {
    throughTheBrowser();
  }
}
