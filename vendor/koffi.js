// koffi as src/ imports it (#koffi). Its package has an install script; bundled, it loads its prebuilt libraries, optional packages, without.
export { default } from 'koffi'
