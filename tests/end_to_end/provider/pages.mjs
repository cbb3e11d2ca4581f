// The provider's pages: plain forms that a person, a browser or a test fills in.
//
//   login      fields `login`, `password`, and `otp` where a second factor is asked for;
//              button `submit`; a wrong password shows the page again with status 401
//   consent    buttons `allow` and `deny`
//   device     field `user_code`, then button `confirm` or `abort`
//   logout     button `logout`

import { URLSearchParams } from 'node:url';

function page(title, body) {
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>
<body><h1>${title}</h1>
${body}
</body></html>
`;
}

function escape(text) {
  return String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function loginPage(uid, wantsFactor, message) {
  return page('Log in', `<p class="message">${escape(message)}</p>
<form method="post" action="/interaction/${escape(uid)}">
<p><label>Name <input name="login" autocomplete="username"></label></p>
<p><label>Password <input name="password" type="password"></label></p>
${wantsFactor ? '<p><label>One-time code <input name="otp" inputmode="numeric"></label></p>' : ''}
<p><button name="submit" value="yes">Log in</button></p>
</form>`);
}

function consentPage(uid, client, scopes) {
  return page('Consent', `<p>${escape(client)} asks for: ${escape(scopes.join(' '))}</p>
<form method="post" action="/interaction/${escape(uid)}">
<p><button name="allow" value="yes">Allow</button> <button name="deny" value="yes">Deny</button></p>
</form>`);
}

async function formOf(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return Object.fromEntries(new URLSearchParams(text));
}

function show(response, status, html) {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(html);
}

function finish(provider, request, response, result, mergeWithLastSubmission) {
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission });
}

async function logIn(provider, request, response, details, form) {
  const wantsFactor = (details.params.acr_values ?? '').includes('urn:mfa');
  const known = ['alice', 'bob'].includes(form.login) && form.password === `${form.login}-password`;
  if (!known || (form.otp && form.otp !== '123456')) {
    show(response, 401, loginPage(details.uid, wantsFactor, 'Wrong name, password or code.'));
    return;
  }
  const acr = form.otp ? 'urn:mfa' : 'urn:pwd';
  const login = { accountId: form.login, acr, amr: form.otp ? ['pwd', 'otp'] : ['pwd'] };
  await finish(provider, request, response, { login }, false);
}

async function consent(provider, request, response, details, form) {
  if (form.deny) {
    const denied = { error: 'access_denied', error_description: 'the person said no' };
    await finish(provider, request, response, denied, false);
    return;
  }
  const grant = details.grantId
    ? await provider.Grant.find(details.grantId)
    : new provider.Grant({
      accountId: details.session.accountId, clientId: details.params.client_id,
    });
  const missing = details.prompt.details;
  if (missing.missingOIDCScope) grant.addOIDCScope(missing.missingOIDCScope.join(' '));
  if (missing.missingOIDCClaims) grant.addOIDCClaims(missing.missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missing.missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  await finish(provider, request, response, { consent: { grantId: await grant.save() } }, true);
}

export async function serveInteraction(provider, request, response) {
  try {
    const details = await provider.interactionDetails(request, response);
    const isLogin = details.prompt.name === 'login';
    if (request.method === 'POST') {
      const form = await formOf(request);
      await (isLogin ? logIn : consent)(provider, request, response, details, form);
    } else if (isLogin) {
      const wantsFactor = (details.params.acr_values ?? '').includes('urn:mfa');
      show(response, 200, loginPage(details.uid, wantsFactor, ''));
    } else {
      const scopes = (details.params.scope ?? '').split(' ');
      show(response, 200, consentPage(details.uid, details.params.client_id, scopes));
    }
  } catch (error) {
    show(response, 400, page('Error', `<p>${escape(error.message)}</p>`));
  }
}

export const devicePages = {
  userCodeInputSource(ctx, form, out, error) {
    const message = error ? '<p class="message">That code is not known.</p>' : '';
    ctx.body = page('Device', `${message}${form}
<p><button type="submit" form="op.deviceInputForm">Continue</button></p>`);
  },
  userCodeConfirmSource(ctx, form, client, deviceInfo, userCode) {
    ctx.body = page('Confirm', `<p>Is ${escape(userCode)} on your device?</p>${form}
<p><button type="submit" form="op.deviceConfirmForm" autofocus>Continue</button>
<button type="submit" form="op.deviceConfirmForm" name="abort" value="yes">Abort</button></p>`);
  },
  successSource(ctx) {
    ctx.body = page('Done', '<p>Your device is logged in.</p>');
  },
};

export const logoutPages = {
  logoutSource(ctx, form) {
    ctx.body = page('Log out', `${form}
<p><button type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>Log out</button></p>`);
  },
  postLogoutSuccessSource(ctx) {
    ctx.body = page('Logged out', '<p>You are logged out.</p>');
  },
};
