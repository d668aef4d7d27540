"use strict";
// Shows one frame of the data after another. Nothing is computed here but which boxes are
// known by now: every number, sentence and formula comes from the program that made the page.

const data = JSON.parse(document.getElementById("data").textContent);
const { frames, values, arrays, bumps } = data;
const $ = (id) => document.getElementById(id);
let step = 0;
